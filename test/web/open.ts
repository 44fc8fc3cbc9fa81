// The pages around a flow of fakes, for tests: app(webParts(flow.wired)).
import { deafLive } from '../../src/adapters/bullmq/live.ts'
import { looking as startLooking } from '../../src/web/look.ts'
import type { WebParts } from '../../src/web/parts.ts'
import { statusView } from '../../src/web/view.ts'
import type { Wired } from '../../src/wiring/wire.ts'

/** `more` wins. */
export const webParts = (wired: Wired, more: Partial<WebParts> = {}): WebParts => {
  const { config, clock, log, journal, store } = wired
  const open = async () => ({ ...store, close: async () => {} })
  const projects = config.projects.map(({ name }) => name)
  const looking = more.looking ?? startLooking({ clock, log, projects, open, journal })
  return {
    ...{ config, clock, log, looking, live: deafLive(), name: 'Grapevine' },
    wired: async () => wired,
    status: async () => statusView(await looking.look(), { hold: config.notices.hold }),
    ...more,
  }
}
