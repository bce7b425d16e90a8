import {
  type CryptoProvider,
  createNetwork,
  isLocalAddress,
  isUmbelError,
  LOCAL_NETWORK,
  MAIN_NETWORK,
  type NetworkParameters,
  parseAddress,
  prefixGroup,
} from "@umbel/core";

/** Both sides of every border in docs/spec/01-identity.md, Addresses. */
const HOSTS = [
  ..."0.0.0.0 0.255.255.255 1.0.0.0 9.255.255.255 10.0.0.0 10.255.255.255 11.0.0.0 100.63.255.255 100.64.0.0".split(
    " ",
  ),
  ..."100.127.255.255 100.128.0.0 126.255.255.255 127.0.0.0 127.0.0.1 127.1.0.1 128.0.0.0 169.253.255.255".split(
    " ",
  ),
  ..."169.254.0.0 169.255.0.0 172.15.255.255 172.16.0.0 172.31.255.255 172.32.0.0 192.0.0.255 192.0.1.0".split(
    " ",
  ),
  ..."192.0.2.0 192.0.3.0 192.88.98.0 192.88.99.0 192.88.100.0 192.167.255.255 192.168.0.0 192.169.0.0".split(
    " ",
  ),
  ..."198.17.255.255 198.18.0.0 198.19.255.255 198.20.0.0 198.51.99.0 198.51.100.0 198.51.101.0 203.0.112.0".split(
    " ",
  ),
  ..."203.0.113.0 203.0.114.0 223.255.255.255 224.0.0.0 255.255.255.255".split(" "),
  ..."[::] [::1] [1fff::1] [2000::] [2001::1] [2001:1ff::1] [2001:200::1] [2001:db7::1] [2001:db8::1]".split(
    " ",
  ),
  ..."[2001:db9::1] [2002::1] [2003::1] [3ffe::1] [3fff::1] [3fff:fff::1] [3fff:1000::1] [4000::1] [fe80::1]".split(
    " ",
  ),
  ..."[::ffff:7f00:1] [1:0:0:2::3] [1:0:2:3:4:5:6:7] [1::] [2a00:0:1::1:0]".split(" "),
  ..."localhost nas a.localhost a.local a.internal a.home.arpa home.arpa a.org local.org a-b.c9 1.a xn--a.b".split(
    " ",
  ),
];

const REFUSED = [
  ..."http://a.org:1 ws://a.org ws://a.org:0 ws://a.org:65536 ws://a.org:080 ws://a.org:1/ WS://a.org:1".split(
    " ",
  ),
  ..."ws://A.org:1 ws://a.org:1?x ws://a.org:1#x ws://a.org:1/%20 ws://u@a.org:1 ws://a.org.:1 ws://a_b.org:1".split(
    " ",
  ),
  ..."ws://-a.org:1 ws://a-.org:1 ws://127.0.0.256:1 ws://127.0.01.1:1 ws://127.1:1 ws://a.0x7f:1 ws://a.0x:1".split(
    " ",
  ),
  ..."ws://[2001:DB8::1]:1 ws://[2001:0db8::1]:1 ws://[1:0:0:2:0:0:0:3]:1 ws://[1:2:3:4:5:6:0::]:1".split(
    " ",
  ),
  ..."ws://[::ffff:1.2.3.4]:1 ws://[1:2:3:4:5:6:7]:1 ws://[1::2::3]:1 ws://[fe80::1%1]:1 ws://:1 ws://a..b:1".split(
    " ",
  ),
];

/** `test/vectors/addresses.json`. */
export function addressVectors(crypto: CryptoProvider): unknown {
  const [main, local] = [MAIN_NETWORK, LOCAL_NETWORK].map((each) => createNetwork(crypto, each));
  const urls = [
    ...HOSTS.map((host) => `ws://${host}:7000`),
    "wss://a.org:443/a/b-._~/",
    "ws://127.0.0.1:1",
    `ws://a.org:65535/${"p".repeat(111)}`,
    `ws://${"a".repeat(63)}.org:1`,
  ];
  return {
    about:
      "docs/spec/01-identity.md, Addresses. accepted: canonical forms, whether each is local, and its prefix group in the public " +
      "network and in `local` (texts that are equal exactly for equal groups). refused: texts that are no canonical form.",
    accepted: urls.map((url) => acceptedOf(url, main!, local!)),
    refused: [...REFUSED, `ws://a.org:65535/${"p".repeat(112)}`, `ws://${"a".repeat(64)}.org:1`].map(
      refusedOf,
    ),
  };
}

function acceptedOf(url: string, main: NetworkParameters, local: NetworkParameters) {
  const address = parseAddress(url);
  if (address.url !== url) throw new Error(`${url} is not canonical`);
  return {
    url,
    local: isLocalAddress(address),
    group: prefixGroup(address, main),
    groupInLocal: prefixGroup(address, local),
  };
}

function refusedOf(url: string) {
  try {
    if (parseAddress(url).url === url) throw new Error(`${url} is canonical`);
  } catch (error) {
    if (!isUmbelError(error, "BAD_INPUT")) throw error;
  }
  return { url };
}
