// Smart HTTP before bare repositories, as a forge has it: git's own http-backend(1), behind a check of who asks.
import { spawn } from 'node:child_process'
import type { IncomingMessage, ServerResponse } from 'node:http'

export type GitServer = {
  /** Holds OWNER/NAME.git. */
  folder: string
  /** Below which path of the server. */
  root: string
  /** May this Authorization header have a look at that repository, or push to it? */
  may: (authorization: string | undefined, asked: { repository: string; isPush: boolean }) => boolean
}

const headerEnd = Buffer.from('\r\n\r\n')

/** What a CGI program prints: headers, and then what follows. */
const answer = (output: Buffer, response: ServerResponse): void => {
  const at = output.indexOf(headerEnd)
  const lines = output.subarray(0, at).toString('latin1').split('\r\n')
  const headers = Object.fromEntries(lines.map(line => line.split(/:\s*/, 2) as [string, string]))
  const status = Number((headers.Status ?? '200').slice(0, 3))
  delete headers.Status
  response.writeHead(status, headers).end(output.subarray(at + 4))
}

export const serveGit = (
  { folder, root, may }: GitServer,
  { request, response, body }: { request: IncomingMessage; response: ServerResponse; body: Buffer },
): void => {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1')
  const path = url.pathname.slice(root.length)
  const [, repository = ''] = /^\/([\w.-]+\/[\w.-]+?)\.git\//.exec(path) ?? []
  const isPush = `${path}${url.search}`.includes('git-receive-pack')
  if (!may(request.headers.authorization, { repository, isPush })) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="GitHub"' }).end('Repository not found.')
    return
  }
  const child = spawn('git', ['http-backend'], {
    env: {
      ...{ PATH: process.env.PATH, GIT_PROJECT_ROOT: folder, GIT_HTTP_EXPORT_ALL: '1', PATH_INFO: path },
      ...{ QUERY_STRING: url.search.slice(1), REQUEST_METHOD: request.method, REMOTE_USER: 'app' },
      ...{ CONTENT_TYPE: request.headers['content-type'] ?? '', GIT_CONFIG_NOSYSTEM: '1' },
      ...{ GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''), GIT_CONFIG_GLOBAL: '/dev/null' },
      HTTP_CONTENT_ENCODING: String(request.headers['content-encoding'] ?? ''),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stdin.on('error', () => {})
  child.stdin.end(body)
  child.once('close', () => answer(Buffer.concat(chunks), response))
}
