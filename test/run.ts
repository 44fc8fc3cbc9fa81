// `npm test`: the tests that need real machines and all others side by side, as the first mostly wait. The words of the one that ends later
// come after those of the first; the last line counts both. With arguments: just what vitest is asked for.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Count, sayCount } from './closing-line.ts'

const vitest = new URL('../node_modules/vitest/vitest.mjs', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'gv-count-'))
const children = new Set<ReturnType<typeof spawn>>()

const run = async (project: string, say: (text: string) => void): Promise<number> => {
  const child = spawn(process.execPath, [vitest, 'run', '--project', project], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // With CI a golden file that is missing is a failure; without, it would be written.
    env: { ...process.env, CI: 'true', GRAPEVINE_TEST_COUNT: join(folder, project) },
  })
  children.add(child)
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', data => say(String(data)))
  const [code] = await once(child, 'close')
  children.delete(child)
  return code ?? 1
}

const countOf = (project: string): Count => {
  try {
    return JSON.parse(readFileSync(join(folder, project), 'utf8'))
  } catch {
    // It ended before it could count.
    return { passed: 0, failed: 1, skipped: 0, broken: [`\nFAILED ${project}: it ended before its end`] }
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    for (const child of children) child.kill(signal)
  })

const given = process.argv.slice(2)
if (given.length > 0) {
  const child = spawn(process.execPath, [vitest, 'run', ...given], { stdio: 'inherit' })
  children.add(child)
  const [code] = await once(child, 'close')
  rmSync(folder, { recursive: true })
  process.exit(code ?? 1)
}

let isFirstOver = false
let kept = ''
const beside = run('plain', text => {
  if (isFirstOver) process.stdout.write(text)
  else kept += text
})
const first = await run('machines', text => void process.stdout.write(text))
isFirstOver = true
process.stdout.write(kept)
const codes = [first, await beside]
const counts = ['machines', 'plain'].map(countOf)
const sum = (of: 'passed' | 'failed' | 'skipped') => counts.reduce((all, one) => all + one[of], 0)
rmSync(folder, { recursive: true })
const broken = counts.flatMap(one => one.broken)
console.log(sayCount({ passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped'), broken }))
process.exit(codes.find(code => code !== 0) ?? 0)
