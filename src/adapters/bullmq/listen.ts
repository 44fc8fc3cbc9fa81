// The other end of a queue's `wake`: calls back whenever somebody tells the hosts to look.
import { closeClient, type RedisConnection } from './connection.ts'
import { wakeChannel } from './queue.ts'

/** Listens, now or as soon as Redis answers, and again after it was away: what was said meanwhile is lost, so `onWake` is called then, too. */
export const listen = (options: {
  connection: RedisConnection
  prefix: string
  onWake: () => void
}): { close(): Promise<void> } => {
  const client = options.connection.open('patient')
  client.on('message', () => options.onWake())
  // Only when Redis says that it listens for us is nothing lost any more. If that fails, the next `ready` comes.
  client.on('ready', () => void client.subscribe(wakeChannel(options.prefix)).then(options.onWake, () => {}))
  return { close: () => closeClient(client) }
}
