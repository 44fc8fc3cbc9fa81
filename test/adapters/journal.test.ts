// The journal: what is kept in it outlives processes, two of them do not overwrite each other, and a full disk has room for it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fileJournal } from '../../src/adapters/journal/files.ts'
import { type Room, withRoom } from '../../src/adapters/journal/records.ts'
import { newIncident } from '../../src/model/incident.ts'
import type { Notice } from '../../src/model/notice.ts'
import type { ReplyState } from '../../src/model/reply.ts'
import type { Journal } from '../../src/ports/journal.ts'
import { memoryJournal } from '../fakes/journal.ts'

const dayMs = 86_400_000

const notice = (id: string, more: Partial<Notice> = {}): Notice => ({
  ...{
    id,
    of: { incident: 'i1' },
    kind: 'first',
    to: 'operators',
    at: 1000,
    nextWord: 2000,
    said: {},
    held: false,
  },
  reply: {
    ...{ id, kind: 'notice', series: undefined, project: '', thread: undefined },
    mail: {
      ...{ messageId: `<${id}@example.org>`, from: { name: '', address: 'g@example.org' }, to: [], cc: [] },
      ...{ subject: 's', inReplyTo: undefined, references: [], headers: {}, text: 't\n', date: 1000 },
    },
    state: { at: 'pending', notBefore: 0, tries: 0 },
  },
  ...more,
})

const sending: ReplyState = { at: 'sending', since: 5, tries: 1 }
const sent: ReplyState = { at: 'sent', when: 6, answer: 'ok' }

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'grapevine-journal-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

for (const [name, make] of [
  ['in files', () => fileJournal({ folder: join(folder, 'journal') })],
  ['in memory', memoryJournal],
] as [string, () => Journal][])
  describe(`journal ${name}`, () => {
    it('keeps a notice once, and moves it by compare and set', async () => {
      const journal = make()
      expect([await journal.notices(), await journal.notice('n1'), await journal.standing()]).toEqual([
        ...[[], undefined, undefined],
      ])
      const first = notice('n1')
      expect([await journal.addNotice(first), await journal.addNotice(notice('n1', { at: 3 }))]).toEqual([
        true,
        false,
      ])
      expect(plain(await journal.notice('n1'))).toEqual(plain(first))
      const { state } = first.reply
      expect(await journal.moveNotice('n1', state, sending)).toBe(true)
      expect(await journal.moveNotice('n1', state, sending)).toBe(false)
      expect(await journal.moveNotice('n1', { ...sending, tries: 2 }, sent)).toBe(false)
      expect(await journal.moveNotice('n1', sending, sent)).toBe(true)
      expect(await journal.moveNotice('none', sending, sent)).toBe(false)
      expect((await journal.notices()).map(one => one.reply.state.at)).toEqual(['sent'])
    })

    it('changes what is there, if there is something to change', async () => {
      const journal = make()
      await journal.addNotice(notice('n1', { held: true }))
      expect((await journal.changeNotice('n1', one => ({ ...one, held: false })))?.held).toBe(false)
      expect(await journal.changeNotice('n1', () => undefined)).toBeUndefined()
      expect(await journal.changeNotice('n2', one => one)).toBeUndefined()
      expect((await journal.notice('n1'))?.held).toBe(false)
    })

    it('keeps incidents and how things stand', async () => {
      const journal = make()
      const given = {
        trouble: 'database-unreachable',
        host: undefined,
        about: 'database',
        detail: 'x',
      } as const
      const incident = newIncident({ id: 'i1', since: 5, ...given })
      await journal.saveIncident(incident)
      await journal.saveIncident({ ...incident, flaps: 1 })
      expect((await journal.incidents()).map(({ flaps }) => flaps)).toEqual([1])
      await journal.dropIncident('i1')
      await journal.dropIncident('i1')
      expect(await journal.incidents()).toEqual([])
      const standing = { at: 1, incidents: [], maintenances: [], projects: [], hosts: [] }
      await journal.saveStanding(standing)
      await journal.saveStanding({ ...standing, at: 2 })
      expect(await journal.standing()).toEqual({ ...standing, at: 2 })
    })
  })

describe('in files', () => {
  const open = () => fileJournal({ folder })

  it('is read by another process as it was left', async () => {
    await open().addNotice(notice('n1'))
    await open().moveNotice('n1', notice('n1').reply.state, sending)
    expect((await open().notices()).map(one => one.reply.state)).toEqual([sending])
  })

  it('lets one of many win', async () => {
    await open().addNotice(notice('n1'))
    const { state } = notice('n1').reply
    const moves = Array.from({ length: 20 }, () => open().moveNotice('n1', state, sending))
    expect((await Promise.all(moves)).filter(Boolean)).toHaveLength(1)
    expect(readdirSync(join(folder, 'notices')).filter(name => name.startsWith('new-'))).toEqual([])
  })

  it('loses no change of many', async () => {
    await open().addNotice(notice('n1'))
    const add = (i: number) =>
      open().changeNotice('n1', one => ({ ...one, said: { ...one.said, [`k${i}`]: 'x' } }))
    await Promise.all(Array.from({ length: 20 }, (_, i) => add(i)))
    expect(Object.keys((await open().notice('n1'))?.said ?? {})).toHaveLength(20)
    expect(readdirSync(join(folder, 'notices')).length).toBeLessThan(4)
  })

  it('sets aside what is damaged, and goes on with what was there before', async () => {
    const told: string[] = []
    const journal = fileJournal({ folder, log: (_, what) => told.push(what) })
    await journal.addNotice(notice('n1'))
    await journal.moveNotice('n1', notice('n1').reply.state, sending)
    await journal.addNotice(notice('n2'))
    writeFileSync(join(folder, 'notices', 'n1.1'), '{"id":')
    writeFileSync(join(folder, 'notices', 'n2.0'), '')
    const again = fileJournal({ folder, log: (_, what) => told.push(what) })
    expect((await again.notices()).map(({ id, reply }) => [id, reply.state.at])).toEqual([['n1', 'pending']])
    expect(told.filter(what => what.includes('is damaged'))).toHaveLength(2)
  })

  it('forgets threads that ended long ago, and only those', async () => {
    const journal = open()
    const end = (id: string, incident: string, more: Partial<Notice> = {}) => {
      const one = notice(id, { of: { incident }, kind: 'resolved', nextWord: undefined, ...more })
      return { ...one, reply: { ...one.reply, state: sent } }
    }
    await journal.addNotice({ ...end('old1', 'i1'), kind: 'first', nextWord: 5000 })
    await journal.addNotice(end('old2', 'i1', { at: 2000 }))
    await journal.addNotice({ ...end('lasts', 'i2'), kind: 'first', nextWord: 5000 })
    await journal.addNotice(end('other', 'i3', { to: { list: 'tally' } }))
    await journal.addNotice(notice('new', { of: { incident: 'i4' }, at: 200 * dayMs }))
    expect((await journal.notices()).map(({ id }) => id)).toEqual(['lasts', 'new'])
  })

  it('gives up its spare file when the disk is full, and makes it anew when there is room', async () => {
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC' })
    const calls: string[] = []
    let spare = true
    const room: Room = {
      giveUp: async () => {
        calls.push('give up')
        const had = spare
        spare = false
        return had
      },
      restore: async () => {
        calls.push('restore')
      },
    }
    const write = async () => {
      if (spare) throw full
      return 'written'
    }
    expect(await withRoom(room, write)).toBe('written')
    expect(await withRoom(room, write)).toBe('written')
    await expect(withRoom(room, () => Promise.reject(full))).rejects.toBe(full)
    expect(calls).toEqual(['give up', 'restore', 'give up'])
    await open().addNotice(notice('n1'))
    expect(statSync(join(folder, 'spare')).size).toBeGreaterThan(500_000)
  })

  it('says what to do when the folder cannot be written', async () => {
    mkdirSync(join(folder, 'x'))
    writeFileSync(join(folder, 'x', 'notices'), 'a file')
    const journal = fileJournal({ folder: join(folder, 'x') })
    await expect(journal.addNotice(notice('n1'))).rejects.toThrow(
      /journal .*: a part of the path is not a folder/,
    )
  })

  it('has every notice that was kept when its process is killed', async () => {
    const source = `
      const { fileJournal } = await import(${JSON.stringify(new URL('../../src/adapters/journal/files.ts', import.meta.url).href)})
      const journal = fileJournal({ folder: process.argv[1] })
      const one = JSON.parse(process.argv[2])
      for (let i = 0; ; i++) {
        const id = 'n' + i
        await journal.addNotice({ ...one, id })
        await journal.changeNotice(id, notice => ({ ...notice, held: true }))
        process.stdout.write(id + '\\n')
      }`
    const child = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      source,
      folder,
      JSON.stringify(notice('n')),
    ])
    let out = ''
    child.stdout.on('data', bytes => {
      out += String(bytes)
      if (out.split('\n').length > 20) child.kill('SIGKILL')
    })
    await once(child, 'close')
    const kept = new Map((await open().notices()).map(one => [one.id, one.held]))
    const said = out.slice(0, out.lastIndexOf('\n')).split('\n')
    expect(said.length).toBeGreaterThan(19)
    for (const id of said) expect(kept.get(id)).toBe(true)
  })
})
