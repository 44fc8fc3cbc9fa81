// BullMQ's own board, for operators: to look, not to touch. What is to be done is done on the operations page, where it is written down.
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import type { Wired } from '../../wiring/wire.ts'
import { requireRole } from '../access/guard.ts'
import type { Env, Pages, WebParts } from '../parts.ts'

const path = '/queues'

export const isBoard = (asked: string): boolean => asked === path || asked.startsWith(`${path}/`)

/** Its pages set styles by script, and have a base of their own. Nothing of it comes from elsewhere, or is sent there. */
export const boardHeaders = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    styleSrc: ["'self'", "'unsafe-inline'"],
    scriptSrc: ["'self'"],
    connectSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    fontSrc: ["'self'"],
    baseUri: ["'self'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
  xFrameOptions: 'DENY',
  referrerPolicy: 'no-referrer',
  strictTransportSecurity: false,
})

const imagesOf = ({ config }: Wired): string[] => {
  const ofProjects = config.projects.flatMap(({ recipe }) => [recipe.build.image, ...recipe.test.images])
  return [...new Set([...config.farm.images.map(({ name }) => name), ...ofProjects])].sort()
}

/** Loaded when an operator looks. */
const openBoard = async (wired: Wired): Promise<Hono> => {
  const { createBullBoard } = await import('@bull-board/api')
  const { BullMQAdapter } = await import('@bull-board/api/bullMQAdapter')
  const { HonoAdapter } = await import('@bull-board/hono')
  const { serveStatic } = await import('@hono/node-server/serve-static')
  const queues = wired.board(imagesOf(wired))
  const server = new HonoAdapter(serveStatic)
  server.setBasePath(path)
  createBullBoard({
    queues: queues.map(queue => new BullMQAdapter(queue, { readOnlyMode: true, description: queue.name })),
    serverAdapter: server,
    options: {
      uiBasePath: dirname(createRequire(import.meta.url).resolve('@bull-board/ui/package.json')),
      uiConfig: { boardTitle: 'Queues', miscLinks: [{ text: 'Operations', url: '/operations' }] },
    },
  })
  return new Hono().route(path, server.registerPlugin() as unknown as Hono)
}

/** A font from elsewhere would tell them who looks. */
const withoutOthers = (html: string): string => html.replace(/<link\b[^>]*\bhref="https?:[^>]*>\s*/g, '')

export const queuePages = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  const boards = new WeakMap<Wired, Promise<Hono>>()
  const operators = requireRole(parts, 'operator')
  pages.get(`${path}/*`, operators, async c => {
    const wired = await parts.wired()
    const board = boards.get(wired) ?? openBoard(wired)
    boards.set(wired, board)
    const answer = await (await board).fetch(c.req.raw, c.env)
    if (!answer.headers.get('content-type')?.startsWith('text/html')) return answer
    c.header('cache-control', 'private, no-cache')
    return c.html(withoutOthers(await answer.text()), answer.status as 200)
  })
  return pages
}
