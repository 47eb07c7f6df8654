import { defineRule, isShell, need, quote } from 'salvor'
import openFiles from '../../files/open-files.js'
import processes from '../../processes/processes.js'

/** Descriptors at which shells keep the script that they run: bash 255; dash, ash and zsh 10 and above. */
const OF_SCRIPT = new Set([10, 11, 12, 254, 255])

export default defineRule({
  name: 'deleted-script',
  title: 'A shell runs a script that has been deleted',
  means: 'The script is gone from its folder while the shell still reads it: who wrote it wants it not to be found.',
  next: ['Read the script with extract: the shell still has it open', 'See in process-tree who started the shell'],
  tactic: 'execution',
  attack: ['T1059.004', 'T1070.004'],
  severity: 'medium',
  confidence: 'medium',
  reads: { files: need(openFiles), processes: need(processes) },
  *find({ files, processes }) {
    for (const file of files.where('deleted', true)) {
      if (file.type !== 'file' || file.fd === null || !OF_SCRIPT.has(Number(file.fd))) continue
      const process = processes.where('pid', file.pid)[0]
      if (process === undefined || !isShell(process)) continue
      yield {
        about: process,
        summary: `${quote(process.args)} reads ${quote(file.path)}, which is deleted`,
        evidence: [file, process],
      }
    }
  },
})
