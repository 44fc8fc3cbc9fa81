// Who asks, and how: what proxies that are trusted say of it, from the last one back. Rate limits and cookies hang on it.
import { BlockList, isIP, isIPv6 } from 'node:net'
import type { Asked, WebParts } from '../parts.ts'

type Given = Pick<WebParts, 'config'>

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv6(address) ? 'ipv6' : 'ipv4')

const listOf = (networks: readonly string[]): BlockList => {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    if (bits === undefined) list.addAddress(address, familyOf(address))
    else list.addSubnet(address, Number(bits), familyOf(address))
  }
  return list
}

const lists = new WeakMap<readonly string[], BlockList>()

const trustedBy = ({ config }: Given): BlockList => {
  const { proxies } = config.web
  const list = lists.get(proxies) ?? listOf(proxies)
  lists.set(proxies, list)
  return list
}

/** An IPv4 address is one, however it came (RFC 4291, 2.5.5.2); by which of our cables does not matter. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')

/** '': nobody is connected, as in a test. */
const peerOf = (c: Asked): string => {
  const env = c.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined
  return plain(env?.incoming?.socket?.remoteAddress ?? '')
}

const isLocal = (address: string): boolean =>
  address === '' || address === '::1' || address.startsWith('127.')

/** Of one entry of X-Forwarded-For, with a port or without; undefined: it is no address. */
const addressIn = (said: string): string | undefined => {
  const text = plain(said.trim().replace(/^\[([^\]]*)\](:\d+)?$|^([\d.]+):\d+$/, '$1$3'))
  return isIP(text) === 0 ? undefined : text
}

/** More hops than that nobody has. */
const most = 20

const listed = (c: Asked, header: string): string[] => c.req.header(header)?.split(',').slice(-most) ?? []

type Way = {
  address: string
  /** Proxies of ours on the way. */
  hops: number
}

/** From the right, as each proxy adds whom it heard; what stands left of the first one that is not trusted is anybody's invention. */
const wayOf = (c: Asked, parts: Given): Way => {
  const trusted = trustedBy(parts)
  const isTrusted = (one: string) => (one === '' ? isLocal(one) : trusted.check(one, familyOf(one)))
  const said = listed(c, 'x-forwarded-for')
  const way: Way = { address: peerOf(c), hops: 0 }
  while (isTrusted(way.address)) {
    const before = addressIn(said.pop() ?? '')
    if (before === undefined) break
    way.address = before
    way.hops++
  }
  return way
}

/** What a customer has of IPv6 is a network, not an address (RFC 6177). */
const networkOf = (address: string): string => {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros =
    tail === undefined ? [] : Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0')
  return [...before, ...zeros, ...after]
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':')
}

/** `isUs`: from this machine, and for nobody else. */
export const askerOf = (c: Asked, parts: Given): { network: string; isUs: boolean } => ({
  network: networkOf(wayOf(c, parts).address),
  isUs: isLocal(peerOf(c)) && c.req.header('x-forwarded-for') === undefined,
})

/** What the browser speaks, as the proxy that it speaks to says. undefined: none does, or it says nothing. */
export const saidScheme = (c: Asked, parts: Given): 'http' | 'https' | undefined => {
  const said = listed(c, 'x-forwarded-proto')
  const peer = peerOf(c)
  if (said.length === 0 || (peer !== '' && !trustedBy(parts).check(peer, familyOf(peer)))) return undefined
  const one = said.at(-Math.max(1, wayOf(c, parts).hops)) ?? said[0]
  const scheme = one?.trim().toLowerCase()
  return scheme === 'http' || scheme === 'https' ? scheme : undefined
}
