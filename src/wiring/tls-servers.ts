// The servers whose certificates matter: those that the configuration has us talk TLS to, and those that it names for watching.
import { isIP } from 'node:net'
import type { TlsServer } from '../adapters/tls/look.ts'
import type { Config } from '../config/config.ts'

export type Watched = TlsServer & { about: string; what: string }

type Used = Pick<Config, 'mail' | 'projects' | 'trackers' | 'farm' | 'watch' | 'redisUrl'>

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

const named = (what: string, server: TlsServer): Watched => {
  const about = `${server.host.includes(':') ? `[${server.host}]` : server.host}:${server.port}`
  return { ...server, about, what: `the certificate of ${what} (${about})` }
}

type Mailserver = { host: string; port: number; secure: boolean }

/** On this machine itself TLS is not asked for. */
const mailserver = (what: string, start: 'smtp' | 'imap', { host, port, secure }: Mailserver): Watched[] =>
  !secure && isLoopback(host) ? [] : [named(what, { host, port, start: secure ? 'tls' : start })]

const ports: Record<string, number> = { 'https:': 443, 'rediss:': 6379 }

const atUrl = (what: string, text: string): Watched[] => {
  if (!URL.canParse(text)) return []
  const { protocol, hostname, port } = new URL(text)
  const usual = ports[protocol]
  const host = hostname.replace(/^\[|\]$/g, '')
  return usual === undefined ? [] : [named(what, { host, port: Number(port || usual), start: 'tls' })]
}

const atPlace = (place: string): Watched => {
  const at = place.lastIndexOf(':')
  const host = place.slice(0, at).replace(/^\[|\]$/g, '')
  const port = Number(place.slice(at + 1))
  const start = [25, 587].includes(port) ? 'smtp' : port === 143 ? 'imap' : 'tls'
  return named('a server that is watched', { host, port, start })
}

/** Each once. A tracker behind a proxy is left out: we do not talk to it ourselves. */
export const tlsServers = ({ mail, projects, trackers, farm, watch, redisUrl }: Used): Watched[] => {
  const sources = [...mail.inbox, ...projects.flatMap(project => project.sources)]
  const all = [
    ...sources.flatMap(source =>
      source.kind === 'imap' ? mailserver(`source ${source.name}`, 'imap', source) : [],
    ),
    ...(mail.out.kind === 'smtp' ? mailserver('mail.out', 'smtp', mail.out) : []),
    ...trackers.flatMap(one =>
      one.proxy === undefined ? atUrl(`tracker ${one.name}`, one.kind === 'github' ? one.api : one.url) : [],
    ),
    ...farm.hosts.flatMap(({ name, power }) =>
      power?.kind === 'redfish' ? atUrl(`the power switch of ${name}`, power.url) : [],
    ),
    ...atUrl('Redis', redisUrl?.reveal() ?? ''),
    ...watch.certificates.map(atPlace),
  ]
  return [...new Map(all.toReversed().map(one => [one.about, one])).values()].reverse()
}
