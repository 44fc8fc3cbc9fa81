// A browser without a screen: keeps cookies, follows no redirect by itself, and sends forms as the pages have them.
import type { Pages } from '../../src/web/parts.ts'

export type Browser = {
  get(path: string): Promise<Response>
  /** With the hidden secret of the page that was read last, as a browser sends it. `more`: headers, that win. */
  post(path: string, fields?: Record<string, string>, more?: Record<string, string>): Promise<Response>
  cookies: Map<string, string>
}

const base = 'http://localhost'

export const browser = (pages: Pages): Browser => {
  const cookies = new Map<string, string>()
  let secret = ''
  const ask = async (path: string, init: RequestInit & { headers: Record<string, string> }) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { ...(cookie === '' ? {} : { cookie }), host: 'localhost', ...init.headers }
    const answer = await pages.request(new URL(path, base).href, { ...init, headers })
    for (const line of answer.headers.getSetCookie()) {
      const [pair = '', ...rest] = line.split(';')
      const at = pair.indexOf('=')
      if (rest.some(one => /max-age=0\b/i.test(one))) cookies.delete(pair.slice(0, at))
      else cookies.set(pair.slice(0, at), pair.slice(at + 1))
    }
    const text = await answer.clone().text()
    secret = /name="csrf" value="([^"]*)"/.exec(text)?.[1] ?? secret
    return answer
  }
  return {
    cookies,
    get: path => ask(path, { headers: { 'sec-fetch-site': 'none' } }),
    post: (path, fields = {}, more = {}) =>
      ask(path, {
        method: 'POST',
        body: new URLSearchParams({ ...(secret === '' ? {} : { csrf: secret }), ...fields }).toString(),
        headers: {
          ...{ 'content-type': 'application/x-www-form-urlencoded', origin: base },
          ...{ 'sec-fetch-site': 'same-origin', ...more },
        },
      }),
  }
}
