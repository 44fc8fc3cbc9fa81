// The style sheet and the script: files beside this one, named by what is in them, so that they can be kept for ever.
import { readFileSync } from 'node:fs'
import { contentId } from '../text/digest.ts'

const asset = (name: string, type: string) => {
  const text = readFileSync(new URL(name, import.meta.url), 'utf8')
  return { text, type, id: contentId(8, text) }
}

export const assets = {
  style: asset('style.css', 'text/css; charset=utf-8'),
  script: asset('script.js', 'text/javascript; charset=utf-8'),
}
