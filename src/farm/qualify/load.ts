// Load for a soak: busy loops in processes of their own, which end with us however we end.
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Looks once a second whether its parent still lives. */
const loop =
  'const parent = process.ppid; for (;;) { const end = Date.now() + 1000; while (Date.now() < end); if (process.ppid !== parent) process.exit() }'

export type Load = { count: number; stop(): Promise<void> }

export const startLoad = (count: number): Load => {
  const children = Array.from({ length: count }, () =>
    spawn(process.execPath, ['-e', loop], { stdio: 'ignore' }),
  )
  for (const child of children) child.on('error', () => {})
  const end = async (child: (typeof children)[number]) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  return {
    count,
    stop: async () => {
      await Promise.all(children.map(end))
    },
  }
}
