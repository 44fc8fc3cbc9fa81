// The embedded Redis: who starts it, who stops it, and what it survives.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { embeddedRedis } from '../../src/adapters/redis/embedded.ts'
import { socketPath } from '../../src/adapters/redis/socket-path.ts'
import { isAlive, newFolder, serverPid } from '../real/redis.ts'

let folder = ''
beforeEach(() => {
  folder = newFolder()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('the embedded Redis', () => {
  it('is started once, shared, and stopped by its last user', async () => {
    const users = await Promise.all([1, 2, 3].map(() => embeddedRedis({ folder })))
    const socket = path.join(folder, 'redis.sock')
    expect(users.map(user => user.socket)).toEqual([socket, socket, socket])
    expect(users.filter(user => user.ours)).toHaveLength(1)
    const pid = await serverPid(socket)
    const [first, ...others] = users.sort((a, b) => Number(b.ours) - Number(a.ours))
    await first?.stop()
    expect(await serverPid(socket)).toBe(pid)
    await Promise.all(others.map(user => user.stop()))
    expect(isAlive(pid)).toBe(false)
    await first?.stop()
  })

  it('survives kill -9 of the process that started it, and is found again', async () => {
    const script = path.join(import.meta.dirname, 'embedded-redis-user.ts')
    const starter = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(starter, 'exit')
    const [line] = await once(createInterface(starter.stdout), 'line')
    expect(line).toBe('ours: true')
    const pid = await serverPid(path.join(folder, 'redis.sock'))
    starter.kill('SIGKILL')
    await exited
    const found = await embeddedRedis({ folder })
    expect(found.ours).toBe(false)
    expect(await serverPid(found.socket)).toBe(pid)
    await found.stop()
    expect(isAlive(pid)).toBe(false)
  })

  it('keeps what it holds over a kill -9 and starts on what that left behind', async () => {
    const redis = await embeddedRedis({ folder })
    const client = new Redis(redis.socket)
    client.on('error', () => {})
    await client.set('kept', 'yes')
    const pid = await serverPid(redis.socket)
    const gone = once(client, 'close')
    process.kill(pid, 'SIGKILL')
    await gone
    expect(await client.get('kept')).toBe('yes')
    expect(await serverPid(redis.socket)).not.toBe(pid)
    client.disconnect()
    await redis.stop()
  })

  it('never throws a job away for want of memory', async () => {
    const redis = await embeddedRedis({ folder })
    const client = new Redis(redis.socket)
    expect(await client.config('GET', 'maxmemory-policy')).toContain('noeviction')
    expect(await client.config('GET', 'appendonly')).toContain('yes')
    client.disconnect()
    await redis.stop()
  })

  it('sets a journal aside that it cannot read', async () => {
    await (await embeddedRedis({ folder })).stop()
    const journal = path.join(folder, 'appendonlydir')
    const [file] = readdirSync(journal).filter(name => name.endsWith('.incr.aof'))
    writeFileSync(path.join(journal, file ?? ''), 'this is no journal\r\n'.repeat(10))
    const redis = await embeddedRedis({ folder })
    expect(await serverPid(redis.socket)).toBeGreaterThan(0)
    expect(readdirSync(folder).filter(name => name.startsWith('appendonlydir.damaged-'))).toHaveLength(1)
    await redis.stop()
  })

  it('works in a folder whose path is too long for a socket', async () => {
    const long = path.join(folder, 'x'.repeat(120))
    const redis = await embeddedRedis({ folder: long })
    expect(redis.socket.length).toBeLessThan(100)
    const again = await embeddedRedis({ folder: long })
    expect(again.socket).toBe(redis.socket)
    await redis.stop()
    await again.stop()
    rmSync(path.dirname(redis.socket))
  })

  it('does not follow a link for temporary files that leads elsewhere', () => {
    const temporary = path.join(folder, 'tmp')
    mkdirSync(temporary)
    const long = path.join(folder, 'x'.repeat(120))
    const socket = socketPath(long, temporary)
    expect(socketPath(long, temporary)).toBe(socket)
    rmSync(path.dirname(socket))
    symlinkSync('/nowhere', path.dirname(socket))
    const refused = { kind: 'refused', retry: 'never', remedy: 'choose a data folder with a shorter path' }
    expect(() => socketPath(long, temporary)).toThrow(expect.objectContaining(refused))
    expect(() => socketPath(long, path.join('/', 'y'.repeat(90)))).toThrow(expect.objectContaining(refused))
  })

  it('says what to install where there is no redis-server', async () => {
    const before = process.env.PATH
    process.env.PATH = folder
    try {
      await expect(embeddedRedis({ folder })).rejects.toMatchObject({
        name: 'Fault',
        message: 'there is no redis-server on this host',
        remedy: expect.stringContaining('apt-get install redis-server'),
      })
    } finally {
      process.env.PATH = before
    }
  })

  it('names the folder that it cannot make', async () => {
    const file = path.join(folder, 'file')
    writeFileSync(file, '')
    await expect(embeddedRedis({ folder: path.join(file, 'redis') })).rejects.toMatchObject({
      kind: 'refused',
      remedy: `make the folder ${path.join(file, 'redis')}, writable for this user`,
    })
  })

  it('quotes the last words of a server that does not start', async () => {
    mkdirSync(path.join(folder, 'appendonlydir', 'appendonly.aof.manifest'), { recursive: true })
    await expect(embeddedRedis({ folder })).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringMatching(/^redis-server ended at its start: .*manifest/i),
      remedy: `see ${path.join(folder, 'redis.log')}`,
    })
  })
})
