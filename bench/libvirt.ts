// How long libvirt takes back to a running guest's snapshot: on a libvirtd of the bench's own.
import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { startLibvirt } from '../test/real/libvirt.ts'
import { touchMemory } from './touched.ts'

const run = promisify(execFile)
const answerMs = 600_000

export type LibvirtWays = {
  /** `virsh snapshot-revert` of the running domain, until the guest's agent has answered; ms. */
  revert(): Promise<number>
  /** The same of the domain when it is off; ms. */
  revertFromOff(): Promise<number>
  stop(): Promise<void>
}

/** A domain with so much memory, six tenths of it touched, and a snapshot of it. Its disk's cache is `unsafe`: the fastest that libvirt has.
 *  `image`: folder of the busybox image. Takes about a minute. */
export const openLibvirt = async (options: { image: string; memoryMiB: number }): Promise<LibvirtWays> => {
  const libvirt = await startLibvirt({ ...options, prepare: touchMemory(options.memoryMiB) })
  const { uri, domain, snapshot } = libvirt
  const virsh = (...args: string[]) => run('virsh', ['-q', '-c', uri, ...args], { timeout: answerMs })

  const answer = async (end: number): Promise<void> => {
    for (;;) {
      try {
        await virsh('qemu-agent-command', domain, '{"execute":"guest-ping"}')
        return
      } catch (error) {
        if (performance.now() > end) throw error
        await sleep(10)
      }
    }
  }
  const revert = async () => {
    const began = performance.now()
    await virsh('snapshot-revert', domain, snapshot, '--running')
    await answer(began + answerMs)
    return performance.now() - began
  }
  return {
    revert,
    revertFromOff: async () => {
      await virsh('destroy', domain).catch(() => {})
      return await revert()
    },
    stop: () => libvirt.stop(),
  }
}
