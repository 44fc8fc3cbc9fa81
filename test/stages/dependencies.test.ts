// What a build leaves in its clone becomes the map of dependencies: with the real shell, git, tar and compiler, this machine in the place of
// a guest.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Fault } from '../../src/model/fault.ts'
import type { Job } from '../../src/model/job.ts'
import type { DependencyFiles } from '../../src/model/recipe.ts'
import type { Clone } from '../../src/ports/farm.ts'
import { collectDependencies, dependenciesAt } from '../../src/stages/run/dependencies.ts'
import { journal as newJournal } from '../../src/stages/run/journal.ts'
import { memoryBlobs } from '../fakes/blobs.ts'
import { recipe } from '../fakes/flow.ts'

let root: string
const inside = (text: string) => text.replaceAll('/grapevine', root)

const here: Clone = {
  run: 'here',
  async exec(command, options) {
    const child = spawn('sh', ['-c', `exec 2>&1\n${inside(command.script)}`], { cwd: inside(command.folder) })
    child.stdout.on('data', chunk => options?.onOutput?.(chunk))
    const [code] = await once(child, 'close')
    return { kind: 'finished', exitCode: Number(code) }
  },
  read: async path => createReadStream(inside(path)),
  write: async () => {},
  evidence: async () => ({}),
  release: async () => {},
}

const source = () => join(root, 'source')
const write = (path: string, text: string) => {
  mkdirSync(dirname(join(source(), path)), { recursive: true })
  writeFileSync(join(source(), path), text)
}
const run = (program: string, ...args: string[]) => execFileSync(program, args, { cwd: source() })

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'grapevine-built-'))
  write('src/trim.h', 'int trim(void);\n')
  write('src/trim.c', '#include "trim.h"\n#include <string.h>\nint trim(void) { return 0; }\n')
  write("tests/it's.c", '#include "../src/trim.h"\nint main(void) { return trim(); }\n')
  run('git', 'init', '-q')
  run('git', 'add', '.')
  write('-odd name.d', 'no rule\n')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const compile = () => {
  run('gcc', '-MD', '-MP', '-c', '-o', 'src/trim.o', 'src/trim.c')
  run('gcc', '-MD', '-c', '-o', "tests/it's.o", "tests/it's.c")
  run('gcc', '-Wl,--dependency-file=tests/link.d', '-o', "tests/it's", "tests/it's.o", 'src/trim.o')
}

const collect = async (dependencies: DependencyFiles | undefined, clone: Clone = here) => {
  const [blobs, journal] = [memoryBlobs(), newJournal()]
  const own = { ...recipe, test: { ...recipe.test, ...(dependencies ? { dependencies } : {}) } }
  const job = { recipe: own } as Job
  const signal = new AbortController().signal
  const id = await collectDependencies({ job, clone, blobs, journal, signal })
  return { map: id === undefined ? undefined : await dependenciesAt(blobs, id), said: journal.text() }
}

const target = "^tests/(?<test>[\\w']+)$"

test('which test needs which of the sources that git knows', async () => {
  compile()
  const { map, said } = await collect({ files: ['**/*.d'], target })
  expect(map).toEqual({ "it's": ['src/trim.c', 'src/trim.h', "tests/it's.c"] })
  expect(said).toContain('== dependencies: 4 files tell of 1 tests')
})

test('only files that match are read', async () => {
  compile()
  expect((await collect({ files: ['src/*.d', 'tests/{link,other}.d'], target })).map).toEqual({
    // What its own object is made of is not told.
    "it's": ['*', 'src/trim.c', 'src/trim.h'],
  })
  expect((await collect({ files: ['none/**/*.d'], target })).map).toEqual({})
})

test('a recipe without them gets none', async () => {
  expect(await collect(undefined)).toEqual({ map: undefined, said: '\n' })
})

test('trouble with them is noted, and costs nothing else', async () => {
  const refused: Clone = {
    ...here,
    read: () => Promise.reject(new Fault('refused', 'never', 'more than 67108864 bytes')),
  }
  const { map, said } = await collect({ files: ['**/*.d'] }, refused)
  expect(map).toBeUndefined()
  expect(said).toContain('dependencies are not known, so everything is tested: more than 67108864 bytes')
})
