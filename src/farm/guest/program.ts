// The farm's program for Linux guests: compiled once for each host, brought into a booted guest by its agent, and started there.
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import { asFault } from '../system-fault.ts'
import { openGuestFile } from './by-agent/file.ts'
import type { AgentPort, Program } from './by-agent/port.ts'
import { runProgram } from './by-agent/program.ts'

const run = promisify(execFile)
const source = fileURLToPath(new URL('./program.c', import.meta.url))
/** Guests are x86-64, whatever their host is. */
const cc = process.arch === 'x64' ? 'cc' : 'x86_64-linux-gnu-gcc'
const compiler = [cc, '-std=gnu11', '-O2', '-static', '-s', '-Wall', '-Wextra'] as const

/** Of all that decides what runs in a guest. */
export const programDigest = createHash('sha256')
  .update(compiler.slice(1).join())
  .update(readFileSync(source))
  .digest('hex')

/** The executable; made if it is not there. `cache`: an absolute folder. Fault unreachable (never) if this host cannot compile. */
export const compileProgram = async (cache: string): Promise<Buffer> => {
  const file = join(cache, `guest-${programDigest.slice(0, 16)}`)
  const there = await readFile(file).catch(() => undefined)
  if (there) return there
  await asFault('the program for guests', mkdir(cache, { recursive: true }))
  const making = `${file}.${randomBytes(4).toString('hex')}`
  try {
    const [command, ...options] = compiler
    await run(command, [...options, source, '-o', making])
    const made = await readFile(making)
    await asFault('the program for guests', rename(making, file))
    return made
  } catch (error) {
    if (error instanceof Fault) throw error
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
    const words = stderr.trim().split('\n').at(-1) || (error instanceof Error ? error.message : String(error))
    throw new Fault('unreachable', 'never', `the program for guests does not compile: ${words}`, {
      cause: error,
      remedy:
        cc === 'cc'
          ? 'install a C compiler: apt-get install gcc libc6-dev'
          : 'install a C compiler for x86-64: apt-get install gcc-x86-64-linux-gnu libc6-dev-amd64-cross',
    })
  } finally {
    await rm(making, { force: true })
  }
}

/** The root file system can always be executed from; /run and /tmp cannot everywhere. The program removes its own file. */
const place = '/usr/local/sbin/grapevine-guest'

const sh = (script: string): Program => ({
  path: '/bin/sh',
  args: ['-c', script],
  env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
})

/** Faults: refused with the guest's words, timeout, unreachable. Each command may take the span. */
export const startProgramIn = async (agent: AgentPort, program: Buffer, span: Millis): Promise<void> => {
  await runProgram(agent, sh('mkdir -p /usr/local/sbin'), span)
  const file = await openGuestFile(agent, { path: place, mode: 'wb', span })
  await file.write(program)
  await file.close()
  await runProgram(agent, sh(`chmod 755 ${place} && exec ${place} grapevine.log grapevine.stream`), span)
}
