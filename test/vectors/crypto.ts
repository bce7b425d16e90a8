/** Published vectors that always run, in hex, each with its source; digests (SHA-256) where a value is long. */
export const CRYPTO_VECTORS = {
  /** FIPS 180-4, "abc". */
  sha256: {
    message: "616263",
    digest: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  },
  /** RFC 4231, test case 2. */
  hmacSha256: {
    key: "4a656665",
    message: "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
    tag: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  },
  /** RFC 7748, section 6.1: Alice's secret and Bob's public key. */
  x25519: {
    secret: "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
    publicKey: "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    peer: "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    shared: "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
  },
  /** RFC 8032, section 7.1, test 2. */
  ed25519: {
    seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    publicKey: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    message: "72",
    signature:
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  },
  /** RFC 8439, section 2.8.2; the plaintext is ASCII. */
  chacha20Poly1305: {
    key: "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
    nonce: "070000004041424344454647",
    associated: "50515253c0c1c2c3c4c5c6c7",
    plaintext:
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    tag: "1ae10b594f09e26a7e902ecbd0600691",
  },
  /** RFC 8439, appendix A.1, test vector 1: key and nonce of zeros. */
  chacha20: {
    keystream:
      "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586",
  },
  /** Seed and public key: C2SP/wycheproof, mlkem_768_test.json, tcId 2. Coins of 7s and what follows: our own. */
  mlKem768: {
    seed: "7c9935a0b07694aa0c6d10e4db6b1add2fd81a25ccb148032dcd739936737f2d8626ed79d451140800e03b59b956f8210e556067407d13dc90fa9e8b872bfb8f",
    publicKeyDigest: "86adbca81f4fee893e2fb58fb98aa2fe188f501fed268d7f4056f8c05c4e53c4",
    ciphertextDigest: "4cf5c507815fa9e18d3e0a711dd8d7f834bab6761d53d658f439b538606c4f41",
    sharedSecret: "e53088baab611ad36d743dbb9ab01cd0e2d826d939f17d88f172e5f7498538d8",
  },
  /** google/adiantum, Adiantum_XChaCha12_32_AES256.json, the first vector. */
  adiantumShort: {
    key: "7fc7152ae1f5fda4176769aec92bba82a314e7cfadfd8540da7b7d24bdf17d07",
    tweak: "",
    plaintext: "9be382c65ac19fad4659b80bacc857a0",
    ciphertext: "820ae44477dd9a186f80288b25070e85",
  },
  /** Our own: key byte i = i, tweak byte i = 255 - i, plaintext byte i = i mod 251, 4096 bytes. */
  adiantumBody: {
    digest: "7f0fec1398bd332f8219f507406c62a77a5d59ebf2e5dcd93b6137a036b9f555",
    first16: "07adacca7d60b583cc2453eb58239fb2",
  },
} as const;
