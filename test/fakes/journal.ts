// A journal in memory, as the port promises it.
import type { Incident } from '../../src/model/incident.ts'
import type { Notice } from '../../src/model/notice.ts'
import type { Journal, Standing } from '../../src/ports/journal.ts'

export const memoryJournal = (): Journal => {
  const notices = new Map<string, Notice>()
  const incidents = new Map<string, Incident>()
  let standing: Standing | undefined
  return {
    async addNotice(notice) {
      if (notices.has(notice.id)) return false
      notices.set(notice.id, structuredClone(notice))
      return true
    },
    notices: async () => structuredClone([...notices.values()]),
    notice: async id => structuredClone(notices.get(id)),
    async moveNotice(id, from, to) {
      const notice = notices.get(id)
      const tries = (state: typeof from) => ('tries' in state ? state.tries : 0)
      if (!notice || notice.reply.state.at !== from.at || tries(notice.reply.state) !== tries(from))
        return false
      notices.set(id, { ...notice, reply: { ...notice.reply, state: to } })
      return true
    },
    async changeNotice(id, how) {
      const notice = notices.get(id)
      const next = notice && how(structuredClone(notice))
      if (next) notices.set(id, next)
      return next
    },
    incidents: async () => structuredClone([...incidents.values()]),
    async saveIncident(incident) {
      incidents.set(incident.id, structuredClone(incident))
    },
    async dropIncident(id) {
      incidents.delete(id)
    },
    async saveStanding(given) {
      standing = structuredClone(given)
    },
    standing: async () => structuredClone(standing),
  }
}
