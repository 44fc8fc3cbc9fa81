// A BMC that speaks Redfish over HTTPS on loopback, as far as power goes; each of its habits is one that real ones have.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificates } from '../real/loopback.ts'

export type Habits = {
  /** full: there are none left · none: it knows only passwords. */
  sessions?: 'yes' | 'full' | 'none'
  systems?: string[]
  /** Where it says what the reset can be asked for: in the system, in a resource of its own, or nowhere. */
  says?: 'inline' | 'info' | 'nothing'
  allowed?: string[]
  /** Wants If-Match with the newest ETag. */
  wantsEtag?: boolean
  /** What the reset's target is. */
  target?: string
  state?: string | null
}

export type FakeBmc = {
  url: string
  /** PEM. */
  ca: string
  habits: Habits
  /** `PowerCycle` of `1` …, in order. */
  resets: { system: string; type: string }[]
  /** Sessions that are open. */
  open: Set<string>
  /** Method and path of each request. */
  asked: string[]
  close(): Promise<void>
}

const bodyOf = async (request: IncomingMessage): Promise<Record<string, unknown>> => {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text === '' ? {} : JSON.parse(text)
}

type Reply = { status: number; body?: object; headers?: Record<string, string> }

const error = (status: number, message: string): Reply => ({
  status,
  body: {
    error: {
      code: 'Base.1.8.GeneralError',
      message: 'See @Message.ExtendedInfo.',
      '@Message.ExtendedInfo': [{ MessageId: 'Base.1.8.X', Message: message }],
    },
  },
})

/** User olga, password Lantern7. */
export const startBmc = async (): Promise<FakeBmc> => {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-bmc-'))
  const { ca, key, cert } = makeCertificates(folder)
  const bmc = {
    habits: {} as Habits,
    resets: [] as FakeBmc['resets'],
    open: new Set<string>(),
    asked: [] as string[],
  }
  let version = 1
  const root = '/redfish/v1'

  const isKnown = (request: IncomingMessage): boolean =>
    bmc.open.has(String(request.headers['x-auth-token'])) ||
    request.headers.authorization === `Basic ${Buffer.from('olga:Lantern7').toString('base64')}`

  const login = (body: Record<string, unknown>): Reply => {
    const { sessions = 'yes' } = bmc.habits
    if (sessions === 'none') return error(405, 'not allowed')
    if (sessions === 'full') return error(503, 'the session limit is reached')
    if (body.UserName !== 'olga' || body.Password !== 'Lantern7') return error(401, 'wrong credentials')
    const token = `t${bmc.asked.length}`
    bmc.open.add(token)
    return {
      status: 201,
      body: {},
      headers: { 'x-auth-token': token, location: `${root}/SessionService/Sessions/${token}` },
    }
  }

  const reset = (id: string): object => {
    const { says = 'inline', allowed = ['On', 'ForceOff', 'ForceRestart', 'PowerCycle'], target } = bmc.habits
    return {
      target: target ?? `${root}/Systems/${id}/Actions/ComputerSystem.Reset`,
      ...(says === 'inline' ? { 'ResetType@Redfish.AllowableValues': allowed } : {}),
      ...(says === 'info' ? { '@Redfish.ActionInfo': `${root}/Systems/${id}/ResetActionInfo` } : {}),
    }
  }

  const answer = async (request: IncomingMessage): Promise<Reply> => {
    const { method = '', url = '' } = request
    const body = await bodyOf(request)
    const { systems = ['1'], allowed = [], wantsEtag = false, state = 'On' } = bmc.habits
    if (method === 'POST' && url === `${root}/SessionService/Sessions`) return login(body)
    if (method === 'GET' && url === `${root}/`)
      return { status: 200, body: { Systems: { '@odata.id': `${root}/Systems` } } }
    if (!isKnown(request)) return error(401, 'who are you?')
    if (method === 'DELETE')
      return bmc.open.delete(url.split('/').at(-1) ?? '') ? { status: 204 } : error(404, 'gone')
    if (url === `${root}/Systems`)
      return { status: 200, body: { Members: systems.map(id => ({ '@odata.id': `${root}/Systems/${id}` })) } }
    const [, id = '', rest = ''] = /^\/redfish\/v1\/Systems\/([^/]+)(\/.*)?$/.exec(url) ?? []
    if (!systems.includes(id)) return error(404, 'no such thing')
    if (method === 'GET' && rest === '')
      return {
        status: 200,
        body: { Id: id, PowerState: state, Actions: { '#ComputerSystem.Reset': reset(id) } },
        headers: { etag: `"${version}"` },
      }
    if (method === 'GET' && rest === '/ResetActionInfo')
      return { status: 200, body: { Parameters: [{ Name: 'ResetType', AllowableValues: allowed }] } }
    if (method === 'POST' && rest === '/Actions/ComputerSystem.Reset') {
      if (wantsEtag && request.headers['if-match'] !== `"${version}"`) return error(428, 'If-Match is needed')
      version += 1
      bmc.resets.push({ system: id, type: String(body.ResetType) })
      return { status: 204 }
    }
    return error(404, 'no such thing')
  }

  const server = createServer(
    { key: readFileSync(key), cert: readFileSync(cert) },
    async (request, response) => {
      bmc.asked.push(`${request.method} ${request.url}`)
      const { status, body, headers = {} } = await answer(request)
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(body === undefined ? '' : JSON.stringify(body))
    },
  )
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return Object.assign(bmc, {
    url: `https://localhost:${port}`,
    ca: readFileSync(ca, 'utf8'),
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
      rmSync(folder, { recursive: true, force: true })
    },
  })
}
