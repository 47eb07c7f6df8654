import { defineRule, need, quote } from 'salvor'
import files from '../../files/files.js'
import info from '../../image/info.js'

/** A name that has an ending of its own before the one that was put behind it. */
const RENAMED =
  /\.(?:docx?|xlsx?|pptx?|pdf|jpe?g|png|sql|sqlite|db|mdf|csv|zip|vmdk|qcow2|vdi|tar|html?|php|js|py|json|ya?ml|conf|txt|key|pem)\.([A-Za-z0-9_-]{3,20})$/
/** Endings that packers, editors and package managers put there. */
const USUAL = new Set(
  'bak old orig save swp swo tmp temp part lock lck new gz bz2 xz zst lz4 zip br asc sig md5 sha1 sha256 sha512 map min txt html json yaml yml xml conf js css php example sample template tmpl dist default disabled rpmsave rpmnew rpmorig dpkg-old dpkg-dist dpkg-new dpkg-tmp ucf-dist ucf-old pid log err out snap backup gpg age enc license d ts jsx tsx cache meta info idx pack torrent hash webp avif p7m p7s erb haml ejs hbs liquid jinja jinja2 j2 twig tpl mustache gotmpl vue svelte lnk url crdownload aria2 filepart blob etag'.split(
    ' ',
  ),
)
const [SOME, MANY] = [20, 100]
/** Files that a finding names. */
const MOST = 20

export default defineRule({
  name: 'encrypted-files',
  title: 'Many files have the same strange ending behind their own',
  means:
    'Ransomware encrypts files and renames them so. What it has not reached yet may still be whole in the page cache.',
  next: [
    'Extract what is still in memory, and the note that was left',
    'Look in processes and open-files for who writes such files now',
  ],
  tactic: 'impact',
  attack: ['T1486'],
  kubernetes: ['MS-TA9038'],
  severity: 'medium',
  confidence: 'low',
  reads: { files: need(files), info: need(info) },
  *find({ files, info }) {
    const booted = info.rows[0]?.boot_time ?? ''
    const byEnding = new Map<string, (typeof files.rows)[number][]>()
    for (const file of files.rows) {
      const ending = file.type === 'file' && file.path !== null ? RENAMED.exec(file.path.slice(-128))?.[1] : undefined
      if (ending === undefined || USUAL.has(ending.toLowerCase()) || /^\d+$/.test(ending)) continue
      // Times are ISO 8601 in UTC: they sort as texts do.
      if (file.changed === null || file.changed < booted) continue
      const place = `${file.container ?? ''}\n${ending}`
      const known = byEnding.get(place)
      if (known === undefined) byEnding.set(place, [file])
      else known.push(file)
    }
    for (const [place, found] of byEnding) {
      const [first] = found
      if (first === undefined || found.length < SOME) continue
      yield {
        about: { container: first.container },
        severity: found.length < MANY ? 'medium' : 'high',
        summary: `${found.length} files end in ${quote(`.${place.slice(place.indexOf('\n') + 1)}`)}, as ${quote(first.path)} does`,
        evidence: found.slice(0, MOST),
      }
    }
  },
})
