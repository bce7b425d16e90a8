const encoded = (name: string): Uint8Array =>
  Uint8Array.from([...`umbel1 ${name}\0`], (c) => c.charCodeAt(0));

/**
 * Every domain-separation label of the protocol, in one registry. A label is ASCII, begins with the protocol's
 * name and major version and ends in a zero byte, so none is a prefix of another.
 */
export const LABELS = {
  networkId: encoded("network id"),
  nodeId: encoded("node id"),
  family: encoded("family"),
  position: encoded("position"),
  descriptor: encoded("descriptor signature"),
  descriptorHash: encoded("descriptor hash"),
  directoryDigest: encoded("directory digest"),
  linkXX: encoded("link handshake XXhfs"),
  linkXK: encoded("link handshake XKhfs"),
  linkIdentity: encoded("link identity signature"),
  hopHandshake: encoded("hop handshake NKhfs"),
  hopPuzzle: encoded("hop puzzle seed"),
  layerForward: encoded("onion layer forward"),
  layerBackward: encoded("onion layer backward"),
  layerRatchet: encoded("onion layer ratchet"),
  blockId: encoded("block id"),
  location: encoded("location"),
  verifyKey: encoded("verify key"),
  blockMac: encoded("block mac"),
  blockEncryption: encoded("block encryption"),
  useData: encoded("use data"),
  useIndex: encoded("use index"),
  useChildren: encoded("use list of children"),
  useRootPublic: encoded("use root public part"),
  useRootPrivate: encoded("use root private part"),
  useParityMask: encoded("use parity mask"),
  storeRecord: encoded("store record"),
} as const satisfies Readonly<Record<string, Uint8Array>>;
