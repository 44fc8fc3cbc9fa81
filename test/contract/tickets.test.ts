// The `run` queues on a real Redis: a due task is a job there; one host gets it, and a dead host's comes again.
import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { redisConnection } from '../../src/adapters/bullmq/connection.ts'
import { bullQueue } from '../../src/adapters/bullmq/queue.ts'
import { openTickets } from '../../src/adapters/bullmq/tickets.ts'
import type { Push } from '../../src/ports/queue.ts'
import { startRedis, type TestRedis } from '../real/redis.ts'

let redis: TestRedis
let closings: (() => Promise<void>)[] = []

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())
afterEach(async () => {
  for (const close of closings) await close()
  closings = []
})

const connection = () => redisConnection({ where: redis.socket, log: () => {} })

const open = (prefix: string, timing?: { lock: number; check: number }) => {
  const queue = bullQueue({ connection: connection(), prefix })
  const host = () => {
    const tickets = openTickets({ connection: connection(), prefix, ...(timing && { timing }) })
    closings.push(() => tickets.close())
    return tickets
  }
  closings.push(() => queue.close())
  return { queue, host }
}

const due = (ticket: string, image = 'debian'): Push => ({
  queue: `run-${image}`,
  id: ticket,
  data: { ticket },
  priority: 50,
})

/** A client that was just opened is not there yet, and nobody waits for it. */
const eventually = async <T>(ask: () => Promise<T | undefined>): Promise<T> => {
  for (;;) {
    const found = await ask()
    if (found !== undefined) return found
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

test('a host gets the ticket that it asks for, whatever waits before it, and only once', async () => {
  const { queue, host } = open('asked')
  await queue.push(due('first'), due('second'), due('third'), due('elsewhere', 'busybox'))
  const [one, other] = [host(), host()]
  const third = await eventually(() => one.take('debian', 'third'))
  expect(third.id).toBe('third')
  const first = await eventually(() => other.take('debian', 'first'))
  expect(first.id).toBe('first')
  // Taken, and while it is so a second push is none.
  await queue.push(due('third'))
  expect(await other.take('debian', 'third')).toBeUndefined()
  await third.end()
  await third.end()
  expect(await other.take('debian', 'third')).toBeUndefined()
  await queue.push(due('third'))
  expect((await other.take('debian', 'third'))?.id).toBe('third')
  expect(await one.take('debian', 'elsewhere')).toBeUndefined()
})

test('what is over is taken out', async () => {
  const { queue, host } = open('over')
  await queue.push(due('goes'), due('stays'))
  await queue.keepTickets(['debian', 'nothing-there'], new Set(['stays']))
  const tickets = host()
  expect((await eventually(() => tickets.take('debian', 'stays'))).id).toBe('stays')
  expect(await tickets.take('debian', 'goes')).toBeUndefined()
})

test('the ticket of a host that died can be taken again', async () => {
  const timing = { lock: 300, check: 100 }
  const { queue, host } = open('died', timing)
  await queue.push(due('task'))
  const dead = connection()
  const clients: Redis[] = []
  const opener: typeof dead.open = manner => {
    const client = dead.open(manner)
    clients.push(client)
    return client
  }
  const dying = openTickets({ connection: { ...dead, open: opener }, prefix: 'died', timing })
  await eventually(() => dying.take('debian', 'task'))
  for (const client of clients) client.disconnect()
  const tickets = host()
  expect((await eventually(() => tickets.take('debian', 'task'))).id).toBe('task')
})

test('without Redis there is no ticket, and nobody waits for one', async () => {
  const nowhere = redisConnection({ where: '/nowhere/redis.sock', log: () => {} })
  const tickets = openTickets({ connection: nowhere, prefix: 'away' })
  expect(await tickets.take('debian', 'task')).toBeUndefined()
  await tickets.close()
})
