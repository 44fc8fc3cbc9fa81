// What moves on a page, by server-sent events. Without it every page can be read as well; a reload shows the same.
// Elements with an id and `data-live` are made like those of the same page read again when one of the page's topics changes;
// `<pre data-follow="…" data-from="N">` grows by what its stream brings.

/** Characters that a log keeps on the page. */
const longestLog = 1_000_000
/** Many look at the same page: not all of them ask at once. */
const soonMs = () => 200 + Math.random() * 800
const leastGapMs = 2_000
/** The server may just begin again, or have too many viewers. */
const backMs = () => 5_000 + Math.random() * 10_000

// Regions

/** It stands before this in the same file. @type {typeof import('idiomorph').Idiomorph} */
const idiomorph = Reflect.get(globalThis, 'Idiomorph')

/** What the reader did stays: what was opened, typed and chosen. @param {string} name @param {Element} element */
const isReaders = (name, element) =>
  (name === 'open' && element instanceof HTMLDetailsElement) ||
  (['value', 'checked', 'selected'].includes(name) &&
    !(element instanceof HTMLInputElement && element.type === 'hidden'))

/** Makes a node like another, and keeps what is alike: focus, selection and scrolling stay where they are. What grows by itself is let be.
 * @param {Element} old @param {Element} now */
const makeLike = (old, now) =>
  idiomorph.morph(old, now, {
    callbacks: {
      /** @param {Node} from */
      beforeNodeMorphed: from => !(from instanceof Element && from.hasAttribute('data-follow')),
      /** @param {string} name @param {Element} element */
      beforeAttributeUpdated: (name, element) => !isReaders(name, element),
    },
  })

/** The script's address, which says what is in it. @param {Document} page */
const scriptOf = page => page.querySelector('script[src]')?.getAttribute('src')

/** Whether a form is being filled in. */
const isWritten = () =>
  document.activeElement?.closest('main form') ||
  [...document.querySelectorAll('form input, form textarea')].some(
    field =>
      (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) &&
      field.value !== field.defaultValue,
  )

const refresh = async () => {
  const asked = performance.now()
  const response = await fetch(location.href, { headers: { accept: 'text/html' } })
  // Logged out, moved or away: what stands here stays.
  if (!response.ok && response.status !== 410) return
  const fresh = new DOMParser().parseFromString(await response.text(), 'text/html')
  // The server was updated: its pages go with another script.
  if (scriptOf(fresh) !== scriptOf(document) && !isWritten()) return location.reload()
  for (const old of document.querySelectorAll('[data-live][id]')) {
    const now = fresh.getElementById(old.id)
    // One within another was made like with it.
    if (now && old.isConnected && !old.parentElement?.closest('[data-live][id]')) makeLike(old, now)
  }
  freshAt = asked
  followAll()
}

/** @type {number | undefined} */
let waiting
let isReading = false
let lastAt = 0

/** @param {number} afterMs */
const refreshSoon = afterMs => {
  if (waiting !== undefined || document.hidden) return
  const ms = Math.max(afterMs, lastAt + leastGapMs - performance.now(), 0)
  waiting = setTimeout(async () => {
    waiting = undefined
    if (isReading) return refreshSoon(soonMs())
    isReading = true
    lastAt = performance.now()
    await refresh().catch(() => {})
    isReading = false
  }, ms)
}

const topics = (document.body.dataset.topics ?? '').split(' ').filter(topic => topic !== '')

// Streams

/** A browser comes back by itself after the line was cut, but never after an answer that is no stream (HTML, 9.2.3): then `open` does it.
 * @param {EventSource} stream @param {() => void} open */
const comeBack = (stream, open) =>
  stream.addEventListener('error', () => {
    if (stream.readyState === EventSource.CLOSED) setTimeout(open, backMs())
  })

/** @type {EventSource | undefined} */
let changes
/** When this page was known to be as things stand; 0: when it was asked for. */
let freshAt = 0

const listen = () => {
  if (topics.length === 0 || changes || document.hidden || !document.querySelector('[data-live][id]')) return
  const query = new URLSearchParams(topics.map(topic => ['topic', topic]))
  query.set('age', String(Math.round(performance.now() - freshAt)))
  const stream = new EventSource(`/events?${query}`)
  changes = stream
  stream.addEventListener('changed', () => refreshSoon(soonMs()))
  stream.addEventListener('lost', () => refreshSoon(soonMs()))
  comeBack(stream, () => {
    if (changes !== stream) return
    changes = undefined
    listen()
  })
  let isBack = false
  stream.addEventListener('open', () => {
    // Nobody knows what was said while the line was cut.
    if (isBack) refreshSoon(soonMs())
    isBack = true
  })
}

// Logs

/** @typedef {{ log: HTMLElement, place: string, size: number, stream: EventSource | undefined, isOver: boolean, follow: HTMLInputElement }} Followed */

/** @type {Map<HTMLElement, Followed>} */
const followed = new Map()

/** @param {HTMLElement} log */
const followBox = log => {
  const label = document.createElement('label')
  label.className = 'inline follow'
  const box = document.createElement('input')
  box.type = 'checkbox'
  box.checked = true
  label.append(box, ' Follow the end of the log')
  log.before(label)
  return box
}

/** @param {HTMLElement} log */
const toEnd = log => {
  log.scrollTop = log.scrollHeight
}

/** Text with colours, as names of classes. @param {string | [text: string, classes: string]} part */
const shown = part => {
  if (typeof part === 'string') return part
  const tone = document.createElement('span')
  ;[tone.textContent, tone.className] = part
  return tone
}

/** `place`: where it ends, and how a terminal stands there.
 * @param {Followed} one @param {{ from: number, parts: (string | [string, string])[] }} piece @param {string} place */
const grow = (one, { from, parts }, place) => {
  const { log, follow } = one
  if (from > Number.parseInt(one.place, 10)) log.append('\n[… a part of the log is left out here …]\n')
  const piece = document.createElement('span')
  piece.append(...parts.map(shown))
  log.append(piece)
  one.place = place
  one.size += (piece.textContent ?? '').length
  while (one.size > longestLog && log.firstChild && log.childNodes.length > 1) {
    one.size -= (log.firstChild.textContent ?? '').length
    log.firstChild.remove()
  }
  if (follow.checked) toEnd(log)
}

/** @param {Followed} one */
const openStream = one => {
  const { log } = one
  if (one.isOver || one.stream || document.hidden || !log.isConnected) return
  const stream = new EventSource(`${log.dataset.follow}?from=${one.place}`)
  one.stream = stream
  comeBack(stream, () => {
    if (one.stream !== stream) return
    one.stream = undefined
    openStream(one)
  })
  stream.addEventListener('piece', event => {
    const piece = JSON.parse(event.data)
    grow(one, piece, event.lastEventId)
  })
  stream.addEventListener('over', () => {
    one.isOver = true
    stream.close()
    one.stream = undefined
    log.dataset.over = ''
    // What came of it is on the page by now.
    refreshSoon(soonMs())
  })
}

const followAll = () => {
  for (const [log, one] of followed)
    if (!log.isConnected) {
      one.stream?.close()
      followed.delete(log)
    }
  for (const log of document.querySelectorAll('[data-follow]')) {
    if (!(log instanceof HTMLElement) || followed.has(log)) continue
    const follow = followBox(log)
    /** @type {Followed} */
    const one = { log, place: log.dataset.from ?? '0', size: 0, stream: undefined, isOver: false, follow }
    followed.set(log, one)
    follow.addEventListener('change', () => follow.checked && toEnd(log))
    // Who scrolls up wants to read there.
    log.addEventListener('scroll', () => {
      follow.checked = log.scrollHeight - log.scrollTop - log.clientHeight < 30
    })
    openStream(one)
  }
}

// A tab that nobody sees listens to nothing: a browser keeps few lines to one server.

/** @type {number | undefined} */
let hiding

const pause = () => {
  changes?.close()
  changes = undefined
  for (const one of followed.values()) {
    one.stream?.close()
    one.stream = undefined
  }
}

const resume = () => {
  clearTimeout(hiding)
  if (document.hidden) return
  const wasPaused = !changes && topics.length > 0
  listen()
  for (const one of followed.values()) openStream(one)
  if (wasPaused) refreshSoon(0)
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) hiding = setTimeout(pause, 5_000)
  else resume()
})
addEventListener('pagehide', pause)
addEventListener('pageshow', event => event.persisted && resume())

followAll()
listen()
