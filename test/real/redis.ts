// An embedded Redis in a temporary folder, and what a test may do to it.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Redis } from 'ioredis'
import { type EmbeddedRedis, embeddedRedis } from '../../src/adapters/redis/embedded.ts'

export const newFolder = (): string => mkdtempSync(path.join(tmpdir(), 'gv-redis-'))

/** Process id of the server behind a socket. */
export const serverPid = async (socket: string): Promise<number> => {
  const client = new Redis(socket)
  try {
    return Number(/^process_id:(\d+)/m.exec(await client.info('server'))?.[1])
  } finally {
    client.disconnect()
  }
}

export const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

export type TestRedis = EmbeddedRedis & { folder: string }

/** Starts one. Its stop removes the folder as well. */
export const startRedis = (): Promise<TestRedis> => startRedisIn(newFolder())

/** In a folder that is there already, so that it is known where it will listen. */
export const startRedisIn = async (folder: string): Promise<TestRedis> => {
  const redis = await embeddedRedis({ folder })
  const stop = async () => {
    await redis.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return { ...redis, folder, stop }
}

/** The Redis servers of a data folder: there is one, or none for a moment. */
export const redisOf = (folder: string): number[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1')
        return command.includes('redis-server') && command.includes(folder)
      } catch {
        return false
      }
    })
    .map(Number)
