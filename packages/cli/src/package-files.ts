import { fileURLToPath } from "node:url";

/*
 * Files of this package beside the code. Here, at the top of `src`, since the bundle is one folder deep: a path that begins deeper would
 * lead elsewhere there.
 */

/** The script that starts `umbel`. */
export const SCRIPT_PATH = fileURLToPath(new URL("../bin/umbel.js", import.meta.url));
/** The folder of the sample site. */
export const SAMPLE_FOLDER = fileURLToPath(new URL("../sample/", import.meta.url));
