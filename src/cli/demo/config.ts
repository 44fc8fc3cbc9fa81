// The demo's configuration: the example as it stands, or a copy of it for another folder.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { parseDocument } from 'yaml'

const example = new URL('../../../examples/demo/grapevine.yaml', import.meta.url).pathname

/** In the example's own folder `X`, what the demo plays lies in `X-input`. */
const inputOf = (folder: string) => `${folder}-input`

/** The file to read. With a folder: a copy of the example that keeps everything there, written beside it; images and templates stay shared. */
export const demoConfigFile = async (folder: string | undefined): Promise<string> => {
  if (folder === undefined) return example
  const data = resolve(folder)
  const document = parseDocument(await readFile(example, 'utf8'))
  const farm = resolve(dirname(example), String(document.getIn(['farm', 'data'])))
  document.setIn(['data'], data)
  document.setIn(['mail', 'maildir'], join(data, 'outbox'))
  document.setIn(['farm', 'data'], farm)
  document.setIn(['projects', 'tally', 'sources', 0, 'path'], join(inputOf(data), 'list.mbox'))
  document.setIn(['projects', 'tally', 'repository'], join(inputOf(data), 'tally.git'))
  const copy = `${data}.yaml`
  await mkdir(dirname(copy), { recursive: true })
  await writeFile(copy, document.toString())
  return copy
}
