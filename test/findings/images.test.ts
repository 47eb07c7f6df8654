/**
 * What the rules find on the shared images: kept in images/, read line by line before it is accepted (`npx vitest run
 * test/findings -u` writes it), and held against what was planted.
 */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { builtinRules } from '../../dist/plugins/rules/index.js'
import { isOf } from '../../scripts/docs/tallies.mjs'
import { sharedImages, table } from '../truth/images.js'

interface Planted {
  name: string
  container?: string
  pids?: number[]
}

/** What was planted, with the rules that are meant for it; or why it is no sign of an intrusion by itself. */
interface Trace {
  readonly rules: readonly string[]
  readonly pids?: readonly number[]
  /** What a finding names that has no process of the trace. */
  readonly names?: readonly string[]
  readonly container?: string
  readonly why?: string
}

const COUNTED = new Set(['medium', 'high', 'critical'])
const KEPT = ['severity', 'confidence', 'rule', 'pid', 'comm', 'container_name', 'summary']

for (const image of sharedImages()) {
  const kept = (file: string) => new URL(`images/${image.name}/${file}`, import.meta.url)
  const traces = () => Object.entries(JSON.parse(readFileSync(kept('planted.json'), 'utf8')) as Record<string, Trace>)

  describe(image.title, () => {
    image.require()
    const read = () => table('findings', image.as('elf')).rows

    it('gives the findings that were read and accepted', async () => {
      const lines = read().map((row) => JSON.stringify(Object.fromEntries(KEPT.map((name) => [name, row[name]]))))
      await expect(`[\n  ${lines.join(',\n  ')}\n]\n`).toMatchFileSnapshot(kept('findings.json').pathname)
    })

    it('finds each planted trace by a rule that is meant for it, in the right container', () => {
      const planted = image.truth<Planted[]>('planted.json')
      const known = new Map(traces())
      const findings = read().filter(({ severity }) => COUNTED.has(String(severity)))
      expect([...known.keys()].sort()).toEqual(planted.map(({ name }) => name).sort())
      let found = 0
      for (const { name, container } of planted) {
        const trace = known.get(name)
        if (trace?.why !== undefined) continue
        for (const rule of trace?.rules ?? []) {
          const own = findings.filter((finding) => finding.rule === rule && isOf(finding, trace ?? {}))
          expect(own, `${name} by ${rule}`).not.toEqual([])
          if (container !== undefined) expect(own.map((finding) => finding.container_name)).toContain(container)
        }
        expect(trace?.rules, name).not.toEqual([])
        found++
      }
      expect(found).toBeGreaterThan(5)
    })

    it('finds nothing above low that is of nothing planted', () => {
      const all = traces().map(([, trace]) => trace)
      const beside = read().filter(
        (finding) => COUNTED.has(String(finding.severity)) && !all.some((trace) => isOf(finding, trace)),
      )
      expect(beside).toEqual([])
    })

    it('evaluates every rule, and names rows that are there as evidence', () => {
      const { rows } = table('rules', image.as('elf'))
      expect(rows.map(({ rule }) => rule)).toEqual(builtinRules.map(({ name }) => name))
      // Those of evidence beside the image, and no others.
      const unevaluated = rows.filter(({ state }) => state === 'not evaluated')
      expect(new Set(unevaluated.map(({ reason }) => reason))).toEqual(new Set(['evidence: it needs --evidence']))
      const processes = new Set(table('processes', image.as('elf')).rows.map(({ pid }) => pid))
      for (const { evidence, rule } of read()) {
        expect((evidence as unknown[]).length, String(rule)).toBeGreaterThan(0)
        for (const { table: name, key } of evidence as { table: string; key: { pid: number } }[]) {
          if (name === 'processes') expect(processes.has(key.pid)).toBe(true)
        }
      }
    })
  })
}
