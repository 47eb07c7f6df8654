import { defineRule, isInstalled, need, quote } from 'salvor'
import openFiles from '../../files/open-files.js'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'keyboard-read',
  title: 'A program that is no part of the system reads the keyboard',
  means: 'It sees every key that is pressed at the machine, passwords among them.',
  next: ['Write its program with elf-dump and hash it', 'See what it has open and connected: where the keys go'],
  tactic: 'credential-access',
  attack: ['T1056.001'],
  severity: 'medium',
  confidence: 'medium',
  reads: { files: need(openFiles), processes: need(processes) },
  *find({ files, processes }, known) {
    const told = new Set<unknown>()
    for (const file of files.where('type', 'character')) {
      const process = processes.where('pid', file.pid)[0]
      if (!/^(?:\/[^/]+)?\/dev\/input\/event\d{1,4}$/.test(file.path ?? '') || told.has(file.pid)) continue
      if (process === undefined || (process.container === null && isInstalled(process.exe))) continue
      if (known.byDesign(process.container) !== null) continue
      told.add(file.pid)
      yield {
        about: process,
        summary: `${quote(process.args)} has ${quote(file.path)} open`,
        evidence: [file, process],
      }
    }
  },
})
