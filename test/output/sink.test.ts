import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FileSink } from '../../dist/src/output/sink.js'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'salvor-sink-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

test('a file appears whole, in the place of an older one', async () => {
  const path = join(directory, 'out')
  writeFileSync(path, 'old')
  const sink = new FileSink(path)
  await sink.write('new ')
  await sink.write('text')
  expect(readFileSync(path, 'utf8')).toBe('old')
  await sink.commit()
  expect(readFileSync(path, 'utf8')).toBe('new text')
  expect(readdirSync(directory)).toEqual(['out'])
})

test('an aborted file leaves nothing and keeps what was there', async () => {
  const path = join(directory, 'out')
  writeFileSync(path, 'old')
  const sink = new FileSink(path)
  await sink.write('new')
  sink.abort()
  expect(readFileSync(path, 'utf8')).toBe('old')
  expect(readdirSync(directory)).toEqual(['out'])
})
