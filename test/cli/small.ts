// The smallest Grapevine, as a file for tests of the command: one project, one image, replies into a folder.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { CliDeps } from '../../src/cli/deps.ts'
import { farewell, printFarewell } from '../../src/cli/exit.ts'
import { program } from '../../src/cli/program.ts'
import { readConfig } from '../../src/config/load.ts'
import type { Store } from '../../src/ports/store.ts'

/** `mail`: more keys of `mail`, as they stand in yaml. */
export const smallYaml = (mail = ''): string => `administrator: { address: ada@example.org }
bot: { address: grapevine@example.org }
mail: { maildir: ./outbox${mail === '' ? '' : `, ${mail}`} }
farm: { images: { busybox: { kind: busybox } } }
projects:
  tally:
    list: { address: tally-devel@example.org }
    repository: ./tally.git
    build: { image: busybox }
    test: { images: [busybox], steps: [{ name: all, run: ./all }] }
`

/** A folder with it for all tests of a file, and a database that is new for each test: `given` hears of it. */
export const smallHome = (name: string, given: (store: Store) => void): { folder(): string } => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), `grapevine-${name}-`))
    mkdirSync(join(folder, 'tally.git'))
    writeFileSync(join(folder, 'grapevine.yaml'), smallYaml())
  })
  beforeEach(async () => {
    rmSync(join(folder, 'data'), { recursive: true, force: true })
    const store = await openStore({ folder: join(folder, 'data') })
    given(store)
    return () => store.close()
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return { folder: () => folder }
}

/** How a command ends, and all that it says. */
export type Said = { status: number; said: string }

/** A command of that Grapevine, said by olga; in this process, as starting one takes a second. */
export const commandIn =
  (home: { folder(): string }, command: string) =>
  async (...args: string[]): Promise<Said> => {
    let said = ''
    const out = new Writable({
      write(chunk, _, done) {
        said += String(chunk)
        done()
      },
    })
    const file = join(home.folder(), 'grapevine.yaml')
    const read = { file, env: {}, repositories: 'later', secrets: 'later' } as const
    const deps: CliDeps = {
      config: async () => (await readConfig(read)).config,
      ...{ configFile: () => file, debug: () => false, exitWith: () => {}, env: { SUDO_USER: 'olga' } },
      ...{ signal: new AbortController().signal, stdin: process.stdin, stdout: out, stderr: out },
    }
    try {
      const all = [command, ...args]
      await (await program(all, deps, '0')).parseAsync(all, { from: 'user' })
      return { status: 0, said }
    } catch (error) {
      return { status: farewell(error).code, said: `${said}${printFarewell(error, { debug: false })}` }
    }
  }
