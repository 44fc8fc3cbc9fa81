// git on its way to a GitHub of one's own: over TLS that an authority of ours signed, and through a proxy. Real git, http-backend and TLS.
import { execFileSync } from 'node:child_process'
import { createReadStream, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { gitBranches } from '../../src/adapters/git/branches.ts'
import { gitMirror } from '../../src/adapters/git/mirror.ts'
import { serveGit } from '../fakes/github/git-server.ts'
import { openGround } from '../fakes/github/ground.ts'

const header = 'Authorization: Basic eC1hY2Nlc3MtdG9rZW46Z2hzXzE='
const port = (server: Pick<Server, 'address'>): number => (server.address() as AddressInfo).port

let folder: string
let ca: string
let server: Server
let ground: ReturnType<typeof openGround>
let url: string
/** CONNECT of a proxy: where to. */
const tunnels: string[] = []
const proxy = createHttp()
proxy.on('connect', (request, socket) => {
  tunnels.push(request.url ?? '')
  const through = connect(port(server), '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    through.pipe(socket).pipe(through)
  })
  for (const one of [through, socket]) one.on('error', () => one.destroy())
})

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'grapevine-tls-'))
  ca = join(folder, 'cert.pem')
  const made = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=localhost',
  ]
  const names = ['-addext', 'subjectAltName=DNS:localhost,DNS:github.example.org']
  const out = ['-keyout', join(folder, 'key.pem'), '-out', ca]
  execFileSync('openssl', ['req', '-x509', ...made, ...names, ...out], { stdio: 'pipe' })
  ground = openGround({ file: 'a.c', text: 'one\n' })
  const tls = { key: readFileSync(join(folder, 'key.pem')), cert: readFileSync(ca) }
  server = createServer(tls, async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request))
    const may = (given: string | undefined) => `Authorization: ${given}` === header
    serveGit({ folder: ground.folder, root: '', may }, { request, response, body })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  url = `https://localhost:${port(server)}/tally/tally.git`
  ground.reset()
  ground.commit('a.c', 'one\ntwo\n', 'tally: count to two')
  ground.push(1)
})
afterAll(async () => {
  ground.close()
  rmSync(folder, { recursive: true, force: true })
  for (const one of [server, proxy]) {
    one.closeAllConnections()
    await new Promise(resolve => one.close(resolve))
  }
})

const fetched = async (remote: { url: string; ca?: string; proxy?: string }) => {
  const mirror = gitMirror({ folder: ground.mirrors })
  await mirror.fetch(ground.upstream)
  return mirror.pullPatches(ground.upstream, {
    ...{ remote: { header, ...remote }, number: 1, head: ground.git('rev-parse', 'HEAD'), base: 'main' },
    ...{ version: 1, title: 'Count', author: { name: 'Ann', address: 'ann@example.org' } },
    ...{ maxPatches: 10, maxBytes: 1 << 20 },
  })
}

it('trusts the authority that the configuration names, and no server that another one signed', async () => {
  expect((await fetched({ url, ca })).kind).toBe('patches')
  await expect(fetched({ url })).rejects.toMatchObject({
    kind: 'unreachable',
    message: expect.stringMatching(/certificate/i),
  })
})

it('goes through the proxy, to a name that only the proxy knows', async () => {
  const there = `https://github.example.org:${port(server)}/tally/tally.git`
  expect((await fetched({ url: there, ca, proxy: `http://127.0.0.1:${port(proxy)}` })).kind).toBe('patches')
  expect(tunnels).toContain(`github.example.org:${port(server)}`)
})

it('pushes and removes a branch that way, too', async () => {
  const to = { url: `https://github.example.org:${port(server)}/tally/series.git`, header }
  const reached = { ...to, ca, proxy: `http://127.0.0.1:${port(proxy)}` }
  const bundle = join(folder, 'bundle')
  ground.git('bundle', 'create', '--quiet', bundle, 'HEAD', '^main')
  const branches = gitBranches({ folder: ground.mirrors })
  await gitMirror({ folder: ground.mirrors }).fetch(ground.upstream)
  const tip = await branches.push({
    ...{ repository: ground.upstream, base: ground.git('rev-parse', 'main'), most: 1, to: reached },
    ...{ branch: 'series/s1-v1', bundle: () => createReadStream(bundle) },
  })
  expect(tip).toBe(ground.git('rev-parse', 'HEAD'))
  await branches.remove('series/s1-v1', reached)
  const left = execFileSync('git', ['-C', ground.series, 'for-each-ref']).toString()
  expect(left).toBe('')
})
