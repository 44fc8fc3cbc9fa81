// A second process on the same store: takes every task that it can get, writes mails, and prints the tasks that it won.
import { openStore } from '../../src/adapters/sql/store.ts'
import { mail, running } from './samples.ts'

const [name = '', url = '', folder = ''] = process.argv.slice(2)
const store = await openStore({ url: url === '' ? undefined : url, folder })
const won: string[] = []
for (const task of await store.tasksOf('j')) {
  if (await store.moveTask(task.id, { at: 'queued', attempt: 1 }, running(name))) won.push(task.id)
  await store.saveMails([mail(`${name}-${task.id}`), mail(task.id)], { source: name, value: task.id })
}
await store.close()
console.log(JSON.stringify(won))
