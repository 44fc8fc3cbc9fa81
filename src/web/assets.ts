// The style sheet, the script and the icon: files beside this one, named by what is in them, so that they can be kept for ever. What one area alone
// needs is in its own folder, and is joined here.
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { contentId } from '../text/digest.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))

/** `names`: of files beside this one, or whole addresses. */
const asset = (names: string[], type: string) => {
  const text = names.map(name => readFileSync(new URL(name, import.meta.url), 'utf8')).join('\n')
  return { text, type, id: contentId(8, text) }
}

/** In an order that does not hang on the file system. */
const styles = ['style.css', ...globSync('*/style.css', { cwd: folder }).sort()]

export const assets = {
  style: asset(styles, 'text/css; charset=utf-8'),
  script: asset(
    [import.meta.resolve('idiomorph/dist/idiomorph.min.js'), 'script.js'],
    'text/javascript; charset=utf-8',
  ),
  icon: asset(['icon.svg'], 'image/svg+xml'),
}
