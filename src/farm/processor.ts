// Which processor this host has. With KVM guests see it as it is, so that what was frozen on another one may not load here.
import { readFileSync } from 'node:fs'

/** Model and microcode, as proc(5) tells them. */
export const processor = (): string => {
  const text = read('/proc/cpuinfo')
  const field = (name: string) => text.match(new RegExp(`^${name}\\s*: (.*)$`, 'm'))?.[1] ?? 'not told'
  return `${field('model name')}, microcode ${field('microcode')}`
}

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
