// What is left after hundreds of runs whose process, or whose QEMU, is killed -9 at any moment: clones, files, processes. It has to be nothing.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { readConfig } from '../src/config/load.ts'
import { createFarm } from '../src/farm/farm.ts'
import { qemusOf } from './qemus.ts'
import { type Bench, row } from './row.ts'
import { asBooted } from './victim-template.ts'

const demo = fileURLToPath(new URL('../examples/demo/grapevine.yaml', import.meta.url))
const victim = fileURLToPath(new URL('./victim.ts', import.meta.url))
const wantedRuns = 500
const longestMs = 6_000

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It was faster.
  }
}

/** One process, killed after a random while; some of its QEMUs before that. Gives the runs that it began. */
const generation = async (folder: string, token: string): Promise<number> => {
  const child = spawn(process.execPath, [victim, folder, token], { stdio: ['ignore', 'pipe', 'inherit'] })
  let runs = 0
  createInterface({ input: child.stdout }).on('line', () => {
    runs++
  })
  const end = performance.now() + Math.random() * longestMs + 1_000
  while (performance.now() < end && child.exitCode === null) {
    await sleep(Math.random() * 500)
    const qemus = qemusOf(token)
    const one = qemus[Math.floor(Math.random() * qemus.length)]
    if (one && Math.random() < 0.3) kill(one)
  }
  if (child.pid && child.exitCode === null) {
    kill(child.pid)
    await once(child, 'exit')
  }
  return runs
}

export const kills: Bench = async () => {
  const { config } = await readConfig({ file: demo, env: process.env, repositories: 'later' })
  const folder = join(config.farm.data, 'kills')
  const token = `kills-${process.pid}`
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  symlinkSync(join(config.farm.data, 'images'), join(folder, 'images'))
  const options = {
    ...{ folder, token, slots: 1, accelerator: 'tcg' as const },
    images: [
      { name: 'busybox', kind: 'busybox' as const, packages: [], memoryMiB: 256, cpus: 1, diskMiB: 0 },
    ],
  }
  // Those that are killed live too short to freeze it.
  await (await createFarm(options)).template(asBooted, line => console.error(line))
  let runs = 0
  let generations = 0
  while (runs < wantedRuns) {
    runs += await generation(folder, token)
    generations++
    console.error(`${runs} of ${wantedRuns} runs, ${generations} processes killed`)
  }
  // As the next start does it.
  const farm = await createFarm(options)
  await farm.reap()
  const templates = readdirSync(join(folder, 'templates')).filter(name => !/^[0-9a-f]{32}$/.test(name))
  const clones = readdirSync(join(folder, 'clones'))
  const processes = qemusOf(token)
  for (const name of [...templates, ...clones, ...processes]) console.error(`left: ${name}`)
  if (templates.length + clones.length + processes.length === 0) rmSync(folder, { recursive: true })
  return [
    row('runs begun', runs, 'runs'),
    row('processes killed -9', generations, 'kills'),
    row('clones left', clones.length, 'folders', { less: 0 }),
    row('unfinished templates, locks left', templates.length, 'files', { less: 0 }),
    row('QEMU processes left', processes.length, 'processes', { less: 0 }),
  ]
}
