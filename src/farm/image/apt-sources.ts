// Where the guests' packages come from: the host's own distribution, read from its apt configuration (sources.list(5)).
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../model/fault.ts'

/** One file of the apt configuration. */
export type SourceFile = { path: string; text: string }

export type Distribution = {
  id: 'debian' | 'ubuntu'
  /** `bookworm` */
  codename: string
  /** One-line source entries: `deb [signed-by=…] http://… bookworm main`. */
  sources: string[]
}

type Entry = {
  uri: string
  suites: string[]
  components: string[]
  signedBy: string | undefined
  trusted: boolean
}

const components = { debian: ['main'], ubuntu: ['main', 'universe'] }
const keyring = /(^|\/)(debian|ubuntu)-archive-keyring\.(gpg|pgp|asc)$/
const officialHost = /^\w+:\/\/([\w.-]+\.)?(debian\.org|ubuntu\.com)(:\d+)?\//
const mirrorPath = /(^|[/.-])(debian|debian-security|ubuntu|ubuntu-ports|apt-mirrors)([/.]|$)/

/** Reads /etc/os-release and the apt sources of this host. Throws a Fault if it is neither Debian nor Ubuntu. */
export const hostDistribution = async (root = '/'): Promise<Distribution> => {
  const release = await readFile(join(root, 'etc/os-release'), 'utf8').catch(() => '')
  const folder = join(root, 'etc/apt/sources.list.d')
  const names = existsSync(folder) ? (await readdir(folder)).sort() : []
  const paths = [join(root, 'etc/apt/sources.list'), ...names.map(name => join(folder, name))]
  const files: SourceFile[] = []
  for (const path of paths) if (existsSync(path)) files.push({ path, text: await readFile(path, 'utf8') })
  return distributionOf(release, files)
}

/** Picks the distribution's own archive out of a host's apt sources: never a third party's, whose packages of the same name differ. */
export const distributionOf = (osRelease: string, files: SourceFile[]): Distribution => {
  const field = (name: string) => osRelease.match(new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm'))?.[1]
  const likeness = [field('ID'), ...(field('ID_LIKE') ?? '').split(' ')]
  const id = field('UBUNTU_CODENAME') || likeness.includes('ubuntu') ? 'ubuntu' : 'debian'
  const codename =
    id === 'ubuntu' ? (field('UBUNTU_CODENAME') ?? field('VERSION_CODENAME')) : field('VERSION_CODENAME')
  if (!likeness.includes(id) || !codename) {
    throw new Fault('refused', 'never', 'guest images can be built on Debian and Ubuntu only', {
      remedy: 'build the images on a Debian or Ubuntu host',
    })
  }
  const suites = [codename, `${codename}-updates`, `${codename}-security`]
  const entries = files
    .flatMap(file =>
      file.path.endsWith('.sources')
        ? readDeb822(file.text)
        : file.path.endsWith('.list')
          ? readLines(file.text)
          : [],
    )
    .map(entry => ({
      ...entry,
      suites: entry.suites.filter(suite => suites.includes(suite)),
      components: entry.components.filter(component => components[id].includes(component)),
    }))
    .filter(entry => entry.suites.length > 0 && entry.components.length > 0)
  const official = entries.filter(entry => keyring.test(entry.signedBy ?? '') || officialHost.test(entry.uri))
  const likely = entries.filter(entry => entry.signedBy === undefined && mirrorPath.test(entry.uri))
  const chosen = [official, likely].find(some => some.some(entry => entry.suites.includes(codename)))
  if (!chosen) {
    throw new Fault('refused', 'never', `apt knows no mirror of its own distribution, ${id} ${codename}`, {
      remedy: `name one in /etc/apt/sources.list, with suite ${codename}, and run apt-get update`,
    })
  }
  return { id, codename, sources: chosen.flatMap(toLines) }
}

const toLines = ({ uri, suites, components, signedBy, trusted }: Entry): string[] => {
  const options = [signedBy?.startsWith('/') && `signed-by=${signedBy}`, trusted && 'trusted=yes'].filter(
    Boolean,
  )
  const bracket = options.length > 0 ? ` [${options.join(' ')}]` : ''
  return suites.map(suite => `deb${bracket} ${uri} ${suite} ${components.join(' ')}`)
}

/** `deb [option=value …] URI SUITE COMPONENT…`, one a line. */
const readLines = (text: string): Entry[] =>
  text.split('\n').flatMap(line => {
    const match = line
      .replace(/#.*/, '')
      .trim()
      .match(/^deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s+(.+)$/)
    if (!match) return []
    const [, options = '', uri = '', suite = '', rest = ''] = match
    const option = (name: string) => options.match(new RegExp(`(?:^|\\s)${name}=(\\S+)`))?.[1]
    const trusted = option('trusted') === 'yes'
    return [{ uri, suites: [suite], components: words(rest), signedBy: option('signed-by'), trusted }]
  })

/** Stanzas of `Field: value`, as in *.sources. */
const readDeb822 = (text: string): Entry[] =>
  text.split(/\n\s*\n/).flatMap(stanza => {
    const lines = stanza.split('\n').filter(line => !line.startsWith('#'))
    const fields = new Map<string, string>()
    for (const match of lines.join('\n').matchAll(/^([\w-]+):((?:.*(?:\n[ \t]+.*)*))/gm)) {
      fields.set((match[1] ?? '').toLowerCase(), (match[2] ?? '').trim())
    }
    const list = (name: string) => words(fields.get(name) ?? '')
    if (!list('types').includes('deb') || fields.get('enabled')?.toLowerCase() === 'no') return []
    const trusted = fields.get('trusted')?.toLowerCase() === 'yes'
    const common = {
      suites: list('suites'),
      components: list('components'),
      signedBy: fields.get('signed-by'),
      trusted,
    }
    return list('uris').map(uri => ({ uri, ...common }))
  })

const words = (text: string): string[] => text.split(/\s+/).filter(Boolean)
