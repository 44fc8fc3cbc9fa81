// Saving a guest's device state. QEMU's word alone is not taken: our own reader counts, and the stream must end where its own description does.
import { mkdir, open, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { Fault } from '../model/fault.ts'
import type { Millis } from '../model/instant.ts'
import { ignoreShared } from './boot.ts'
import { within } from './deadline.ts'
import { faultOf } from './fate.ts'
import type { Machine } from './machine.ts'

const saveMs: Millis = 120_000
const statusSchema = z.object({ status: z.string() })

/** Stops the guest and gives its device state; its memory is in the shared file, and its disk is flushed. It can only be quit afterwards. Faults: damaged, timeout, unreachable. */
export const saveState = async (machine: Machine): Promise<Buffer> => {
  const { qmp, folder } = machine
  await qmp.command('stop')
  await ignoreShared(machine)
  const reader = await listen(folder)
  try {
    const gone = machine.fate.rung.then((fate): never => {
      throw faultOf(fate, 'saving the state')
    })
    gone.catch(() => {})
    await machine.lend(join(folder, reader.name))
    // QEMU runs in that folder: a short, relative name.
    await qmp.command('migrate', { uri: `unix:${reader.name}` })
    // Until it has come to rest, or failed: a QEMU that never connects to our reader fails as well.
    const saved = Promise.all([reader.bytes, settled(machine)])
    const [state] = await within(Promise.race([gone, saved]), saveMs, 'saving the state')
    const flaw = flawOf(state)
    if (flaw) throw new Fault('damaged', 'soon', `the saved state is not whole: ${flaw}`)
    return state
  } finally {
    await reader.close()
  }
}

/** `completed` alone is not final: in a few of a hundred saves the machine is not at rest yet. */
const settled = async ({ qmp }: Machine): Promise<void> => {
  const end = performance.now() + saveMs
  for (let seen = ''; performance.now() < end; await sleep(5)) {
    const migration = statusSchema.parse(await qmp.command('query-migrate')).status
    const machine = statusSchema.parse(await qmp.command('query-status')).status
    seen = `migration ${migration}, machine ${machine}`
    if (migration === 'completed' && machine === 'postmigrate') return
    if (migration === 'failed' || migration === 'cancelled')
      throw new Fault('damaged', 'soon', `saving the state: ${seen}`)
  }
  throw new Fault('timeout', 'soon', 'saving the state: QEMU does not come to rest')
}

/** One connection, read to its end. Reached by way of an open folder, so that the path is short however deep the farm lies (unix(7): 108 bytes). */
const listen = async (folder: string) => {
  const name = 'state.sock'
  await mkdir(folder, { recursive: true })
  const handle = await open(folder)
  const taken = Promise.withResolvers<Buffer>()
  taken.promise.catch(() => {})
  const server = createServer(socket => {
    server.close()
    readAll(socket).then(taken.resolve, taken.reject)
  })
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(`/proc/self/fd/${handle.fd}/${name}`, resolve)
  })
  await listening.catch(async error => {
    await handle.close()
    throw error
  })
  const close = async () => {
    server.close()
    await rm(join(folder, name), { force: true })
    await handle.close()
  }
  return { name, bytes: taken.promise, close }
}

const readAll = async (socket: Socket): Promise<Buffer> => {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of socket) chunks.push(chunk)
    return Buffer.concat(chunks)
  } catch (cause) {
    throw new Fault('damaged', 'soon', 'the saved state broke off', { cause })
  }
}

/** A stream begins with QEVM and ends with a section of type 6: its own description, as JSON, with its length before it (QEMU, docs/devel/migration.rst). */
export const flawOf = (state: Buffer): string | undefined => {
  if (state.subarray(0, 4).toString('latin1') !== 'QEVM') return 'it does not begin like one'
  for (let at = state.lastIndexOf(6); at > 4; at = state.lastIndexOf(6, at - 1)) {
    if (at + 5 > state.length || state.readUInt32BE(at + 1) !== state.length - at - 5) continue
    return isJson(state.subarray(at + 5)) ? undefined : 'its description is cut'
  }
  return 'its description is missing'
}

const isJson = (bytes: Buffer): boolean => {
  try {
    JSON.parse(bytes.toString())
    return true
  } catch {
    return false
  }
}
