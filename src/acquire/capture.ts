/** The script that takes memory, and what tells it where to. */

import { readFileSync } from 'node:fs'
import { templates } from '../paths.js'
import type { Destination, PlanRequest } from './request.js'
import { exported } from './shell.js'

/** Where files are put together for delivery, in a container. */
export const EVIDENCE = '/evidence'
export const URLS = '/urls/urls'

/** The text of a template. It is run as it stands: what differs comes by the environment. */
export function template(name: string): string {
  return readFileSync(new URL(name, templates), 'utf8')
}

/** What a capture is called: of its host, or of what a user named. */
export function plainName(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^[.-]/, '_')
}

function delivery(to: Destination, folder: string, urls: string): Record<string, string> {
  switch (to.kind) {
    case 's3':
      return { SALVOR_TO: 's3', SALVOR_S3: to.uri }
    case 'presigned':
      return { SALVOR_TO: 'put', SALVOR_URLS: urls, SALVOR_FOLDER: folder }
    default:
      return { SALVOR_TO: 'folder', SALVOR_FOLDER: folder }
  }
}

/** The environment of the script. */
export function settings(
  { case: name, to, compress, avmlSha256 }: PlanRequest,
  places: { readonly folder: string; readonly urls: string },
): Record<string, string> {
  return {
    SALVOR_CASE: name,
    ...delivery(to, places.folder, places.urls),
    ...(compress ? { SALVOR_COMPRESS: '1' } : {}),
    ...(avmlSha256 === null ? {} : { SALVOR_AVML_SHA256: avmlSha256 }),
  }
}

/** The script with what it is told, in one file. */
export function captureScript(told: Readonly<Record<string, string>>): string {
  const strict = '\nset -euo pipefail\n'
  const text = template('capture.sh')
  const at = text.indexOf(strict)
  return `${text.slice(0, at)}${strict}\n# What this plan tells it.\n${exported(told)}${text.slice(at + strict.length)}`
}

/** The names of what a capture delivers, for which presigned URLs are made. */
export function deliveredNames(name: string, compress: boolean): string[] {
  return [`${name}.${compress ? 'avml' : 'lime'}`, `${name}.facts.txt`, `${name}.manifest.json`]
}
