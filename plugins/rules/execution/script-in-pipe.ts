import { defineRule, isInterpreter, need, quote, severityOfTyped, signsOfTyped } from 'salvor'
import socketQueues from '../../network/socket-queues.js'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'script-in-pipe',
  title: 'What an interpreter is still to read from a pipe is what intruders write',
  means: 'A script that comes through a pipe leaves no file. Its rest is in the pipe and can be read.',
  next: ['Read all of it with socket-queues --bytes', 'See in process-tree who writes into the pipe'],
  tactic: 'execution',
  attack: ['T1059.004', 'T1620'],
  severity: 'medium',
  confidence: 'medium',
  reads: { queues: need(socketQueues), processes: need(processes) },
  *find({ queues, processes }) {
    for (const queue of queues.where('kind', 'pipe')) {
      // The script of an interpreter that is given none is its standard input.
      if (queue.pid === null || queue.fd === null || Number(queue.fd) !== 0) continue
      const process = processes.where('pid', queue.pid)[0]
      if (process === undefined || !isInterpreter(process)) continue
      const signs = [...new Set((queue.text ?? '').split('\n').flatMap((line) => signsOfTyped(line)))]
      if (signs.length === 0) continue
      yield {
        about: process,
        severity: severityOfTyped(signs, process.container),
        summary: `${quote(process.args)} is to read what ${signs.slice(0, 3).join(', what ')}: ${quote(queue.text)}`,
        evidence: [queue, process],
      }
    }
  },
})
