// How a host looks at itself: is it fit, which images has it, what was it asked to prove? Called by its loop, and may take long: it holds
// up neither the rounds nor the signs of life.
import { answerRequests, openRequests, sayRequested } from './host-requests.ts'
import { type AtWork, askAgainMs } from './host-state.ts'

const unfitNow = async ({ wired, state, fitness, signal }: AtWork): Promise<string | undefined> => {
  const { clock } = wired
  if (clock.now() - state.askedAt < askAgainMs) return state.look.unfit
  const unfit = await fitness(signal)
  state.askedAt = clock.now()
  return unfit
}

const proveItself = async ({ wired, state, prove, signal }: AtWork): Promise<void> => {
  await answerRequests(wired, { prove, signal })
  // What was found out may change the answer, and what was refused before it is another matter.
  state.askedAt = Number.NEGATIVE_INFINITY
  state.restUntil = 0
  state.requested = sayRequested(await openRequests(wired))
}

/** Throws the Faults of what it asks. */
export const lookAtItself = async (host: AtWork): Promise<void> => {
  const { state, wake } = host
  const { log, config } = host.wired
  if (state.isClosing) return
  // Asked for while a task runs, it waits for its end.
  if (state.requested !== undefined && state.running.size === 0) await proveItself(host)
  const [unfit, images] = [await unfitNow(host), await host.images()]
  if (state.isClosing) return
  const isNews = unfit !== state.look.unfit
  state.look = { unfit, images }
  if (!isNews) return
  if (unfit === undefined) log('info', `the host ${config.host} takes tasks`)
  else log('error', `the host ${config.host} takes no tasks: ${unfit}`)
  await Promise.all([wake.sign(), wake.round()])
}
