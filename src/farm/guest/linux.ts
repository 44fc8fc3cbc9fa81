// Linux guests: by the farm's own program in them (program.c), which the agent brings in.
import { randomBytes } from 'node:crypto'
import { Fault } from '../../model/fault.ts'
import { bell } from '../deadline.ts'
import { faultOf } from '../fate.ts'
import { execByProgram } from './command.ts'
import { asks, uint64 } from './frames.ts'
import { openLink, ping } from './link.ts'
import { compileProgram, programDigest, startProgramIn } from './program.ts'
import type { GuestSystem, Listener, Speech } from './speech.ts'
import { transfersByProgram } from './transfer.ts'

const usualShell = '/bin/sh'
/** Of a tool's output. */
const keptBytes = 64 << 10
const seedBytes = 64
const canary = { memory: '/dev/shm/.grapevine-canary', disk: '/.grapevine-canary' } as const

const speakTo = ({ machine, shell = usualShell, deadlines }: Listener): Speech => {
  const lost = bell<string>()
  const link = openLink(machine.log, lost)
  const line = { link, machine, shell, deadlines }

  const unlessGone = async <T>(promise: Promise<T>): Promise<T> => {
    promise.catch(() => {})
    const gone = machine.fate.rung.then((fate): never => {
      throw faultOf(fate, 'the guest is gone')
    })
    gone.catch(() => {})
    return await Promise.race([gone, promise])
  }

  const tool = async (script: string, timeoutMs = deadlines.bootMs): Promise<string> => {
    let said = ''
    const onOutput = (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-keptBytes)
    }
    const command = { name: 'tool', script, folder: '/', timeoutMs }
    const ending = await execByProgram({ ...line, shell: usualShell }, command, { onOutput })
    if (ending.kind === 'finished' && ending.exitCode === 0) return said
    if (machine.fate.value) throw faultOf(machine.fate.value, 'a program in the guest')
    const words = said.trim().split('\n').at(-1) || `it ended: ${ending.kind}`
    throw new Fault(ending.kind === 'finished' ? 'refused' : 'timeout', 'soon', `in the guest: ${words}`)
  }

  // QEMU tells when the guest's side is closed: the program was killed, or the guest goes down. Only what once answered can be lost.
  const watch = () =>
    machine.qmp.listen(({ event, data }) => {
      if (event === 'VSERPORT_CHANGE' && data.id === 'log-port' && data.open === false)
        lost.ring('the program in the guest is gone')
    })

  const hello = async (span: number) => {
    await unlessGone(ping(link, span))
    watch()
  }

  return {
    ...transfersByProgram({ link, machine, deadlines }),
    hello,
    plumb: async cache => {
      const program = await compileProgram(cache)
      await unlessGone(startProgramIn(machine.agent, program, deadlines.bootMs))
      await hello(deadlines.bootMs)
    },
    wake: async (now, name) => {
      const payload = [
        uint64(BigInt(Math.round(now)) * 1_000_000n),
        randomBytes(seedBytes),
        Buffer.from(name),
      ]
      await unlessGone(link.ask(asks.wake, Buffer.concat(payload), deadlines.forkMs))
    },
    // /dev/random waits until the kernel's random numbers are there.
    settle: async () => void (await tool('head -c 1 /dev/random > /dev/null && sync')),
    plantCanary: disk =>
      tool(
        `plant() { head -c 1048576 /dev/urandom > "$1" && sha256sum < "$1"; }
         mkdir -p /dev/shm && plant ${canary.memory} ${disk ? `&& plant ${canary.disk} && sync` : ''}`,
      ),
    readCanary: disk =>
      tool(
        `sha256sum < ${canary.memory} || exit 1
         ${disk ? `echo 3 > /proc/sys/vm/drop_caches; sha256sum < ${canary.disk}` : ''}`,
      ),
    exec: (command, options) => execByProgram(line, command, options),
    powerOff: async () => {
      const command = { name: 'power off', script: 'poweroff || shutdown -P now', folder: '/' }
      await execByProgram({ ...line, shell: usualShell }, { ...command, timeoutMs: deadlines.silenceMs })
    },
  }
}

export const linux: GuestSystem = { os: 'linux', plumbing: programDigest, speakTo }
