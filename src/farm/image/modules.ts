// Which kernel modules a guest loads before it has a root disk, and in which order: a pure reading of depmod's files (modules.dep(5)).

/** What depmod writes beside a kernel's modules. */
export type ModuleIndex = { dep: string; softdep: string; alias: string; builtin: string }

export type WantedModule = { name: string; optional?: boolean }

const optional = (...names: string[]): WantedModule[] => names.map(name => ({ name, optional: true }))
const required = (...names: string[]): WantedModule[] => names.map(name => ({ name }))

/** virtio first, as the ports and the disk need it. Kernels differ in what is a module, what is built in, and what is absent:
 *  without pvpanic a panic is heard of by its reset only; without vmgenid all clones of a template draw the same random numbers. */
export const wantedModules: WantedModule[] = [
  ...optional('virtio_ring', 'virtio', 'virtio_pci_modern_dev', 'virtio_pci_legacy_dev'),
  ...required('virtio_pci', 'virtio_blk', 'virtio_console', 'ext4', 'vmgenid'),
  ...optional('pvpanic_pci', 'pvpanic_mmio', 'virtio_rng'),
]

export type LoadOrder = {
  /** Paths below the kernel's module folder, each after all that it needs. */
  paths: string[]
  /** Wanted, not optional, and neither a module nor part of the kernel. */
  missing: string[]
}

/** Sorts the wanted modules and everything that they need into an order in which `insmod` takes them. */
export const loadOrder = (index: ModuleIndex, wanted: WantedModule[]): LoadOrder => {
  const needs = new Map(lines(index.dep).map(line => readDep(line)))
  const pathOf = new Map([...needs.keys()].map(path => [nameOf(path), path]))
  const builtin = new Set(lines(index.builtin).map(nameOf))
  const pre = readSoftdeps(index.softdep)
  const aliases = readAliases(index.alias)
  const order = new Set<string>()
  const entered = new Set<string>()

  const add = (path: string) => {
    if (entered.has(path)) return
    entered.add(path)
    for (const soft of pre.get(nameOf(path)) ?? []) {
      for (const name of [soft, ...(aliases.get(soft) ?? [])]) {
        const found = pathOf.get(canonical(name))
        if (found) add(found)
      }
    }
    // modules.dep names the closest dependency first.
    for (const needed of (needs.get(path) ?? []).toReversed()) add(needed)
    order.add(path)
  }

  const missing: string[] = []
  for (const { name, optional } of wanted) {
    const path = pathOf.get(canonical(name))
    if (path) add(path)
    else if (!optional && !builtin.has(canonical(name))) missing.push(name)
  }
  return { paths: [...order], missing }
}

const lines = (text: string): string[] => text.split('\n').filter(line => line && !line.startsWith('#'))

const canonical = (name: string): string => name.replaceAll('-', '_')

/** `kernel/fs/ext4/ext4.ko.xz` → `ext4` */
const nameOf = (path: string): string => canonical(path.replace(/^.*\//, '').replace(/\.ko(\.\w+)?$/, ''))

const readDep = (line: string): [string, string[]] => {
  const [path = '', rest = ''] = line.split(':')
  return [path, rest.split(' ').filter(Boolean)]
}

/** `softdep ext4 pre: crc32c post: other` */
const readSoftdeps = (text: string): Map<string, string[]> => {
  const found = new Map<string, string[]>()
  for (const line of lines(text)) {
    const [, name = '', rest = ''] = line.match(/^softdep (\S+) (.*)$/) ?? []
    const pre = rest.match(/pre: (.*?)(?: post:|$)/)?.[1] ?? ''
    found.set(canonical(name), pre.split(' ').filter(Boolean))
  }
  return found
}

/** `alias crc32c crc32c_generic`; several modules may have one alias. */
const readAliases = (text: string): Map<string, string[]> => {
  const found = new Map<string, string[]>()
  for (const line of lines(text)) {
    const [word, alias = '', name = ''] = line.split(' ')
    if (word === 'alias' && !alias.includes('*')) found.set(alias, [...(found.get(alias) ?? []), name])
  }
  return found
}
