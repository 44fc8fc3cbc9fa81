// Who hears of a maintenance window, and what: kept in the journal, from which the notices' loop sends it.
import type { ProjectConfig } from '../config/config.ts'
import type { Maintenance } from '../model/maintenance.ts'
import type { Notice } from '../model/notice.ts'
import { followingMaintenance, waitingProjects } from '../stages/maintenance/plan.ts'
import { type WindowNotice, windowWords } from '../stages/maintenance/words.ts'
import { noticeLetter } from '../stages/notice/letter.ts'
import type { Wired } from './wire.ts'

type Ports = Pick<Wired, 'store' | 'journal' | 'clock' | 'log' | 'config'>

const isSameTo = (a: Notice['to'], b: Notice['to']): boolean =>
  a === 'operators' || b === 'operators' ? a === b : a.list === b.list

const isOf = (notice: Notice, { id }: Maintenance): boolean =>
  'maintenance' in notice.of && notice.of.maintenance === id

/** Who heard of it hears how it goes on; at first, the lists whose work waits for it, or the operators if none does. */
const audience = async (
  { store, config, clock }: Ports,
  window: Maintenance,
  earlier: Notice[],
): Promise<Notice['to'][]> => {
  if (earlier.length > 0)
    return earlier
      .map(({ to }) => to)
      .filter((to, i, all) => all.findIndex(other => isSameTo(other, to)) === i)
  const given = { projects: config.projects, hosts: await store.hosts(), now: clock.now() }
  const lists = waitingProjects(window, given)
  return lists.length > 0 ? lists.map(list => ({ list })) : ['operators']
}

const waitingIn = async ({ store }: Pick<Ports, 'store'>, to: Notice['to']): Promise<number> => {
  const jobs = await store.jobsWithoutVerdict()
  const mine = to === 'operators' ? jobs : jobs.filter(({ project }) => project === to.list)
  return new Set(mine.flatMap(({ series }) => series ?? [])).size
}

/** Keeps what is to be said, to all whom it concerns; sending is the notices' matter. Repeatable. Throws Faults of store and journal. */
export const tellWindow = async (
  ports: Ports,
  window: Maintenance,
  kind: WindowNotice,
  concerns: (to: Notice['to']) => boolean = () => true,
): Promise<void> => {
  const all = (await ports.journal.notices()).filter(notice => isOf(notice, window))
  for (const to of (await audience(ports, window, all)).filter(concerns)) {
    const project = to === 'operators' ? undefined : ports.config.projects.find(one => one.name === to.list)
    // It has left the configuration meanwhile.
    if (to !== 'operators' && !project) continue
    const mine = all.filter(notice => isSameTo(notice.to, to)).sort((a, b) => a.at - b.at)
    const notice = await letterTo(ports, { window, kind, to, project, earlier: mine })
    if (await ports.journal.addNotice(notice))
      ports.log('info', `maintenance ${window.id}: ${kind} to ${project?.list.address ?? 'the operators'}`)
  }
}

type Letter = {
  window: Maintenance
  kind: WindowNotice
  to: Notice['to']
  project: ProjectConfig | undefined
  earlier: Notice[]
}

const letterTo = async (ports: Ports, { window, kind, to, project, earlier }: Letter): Promise<Notice> => {
  const { config, clock } = ports
  const { bot, administrator, notices, web, mail, host } = config
  const now = clock.now()
  const isOver = kind === 'done' || kind === 'cancelled'
  const whole = window.state.at === 'cancelled' && window.state.whole
  const words = windowWords({
    ...{ window, kind, to, earlier, bot, now, url: web.url },
    ...{ remindMs: notices.remindMs, everyMs: notices.everyMs },
    waiting: await waitingIn(ports, to),
    following: isOver && !whole ? followingMaintenance(window, now) : undefined,
  })
  const { calendar, ...said } = words
  return noticeLetter({
    ...{ of: { maintenance: window.id }, kind, to, ...said, ...(calendar ? { calendar } : {}) },
    ...{ root: earlier[0], held: false, now, bot, administrator, host, live: mail.live },
    list: project?.list,
  })
}
