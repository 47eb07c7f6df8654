import makeYargs, { type Argv } from 'yargs'
import { SalvorError } from '../engine/errors.js'
import { version } from './version.js'

const MAX_HELP_WIDTH = 110

const missing = 'an argument is missing: salvor ANALYZER IMAGE, for example; --help tells more'

/** yargs, set up so that it prints nothing and ends nothing by itself. */
export function createYargs(columns: number | undefined): Argv {
  return makeYargs([])
    .scriptName('salvor')
    .usage('$0 <command>\n\nReads a memory image of a Linux host and tells what ran in which container.')
    .epilogue('salvor <command> --help tells more; salvor analyzers lists every table with its columns.')
    .parserConfiguration({ 'parse-positional-numbers': false, 'parse-numbers': false, 'dot-notation': false })
    .locale('en')
    .strict()
    .demandCommand(1, 'no command given; see: salvor --help')
    .help()
    .alias('help', 'h')
    .version(version)
    .wrap(Math.min(columns ?? 80, MAX_HELP_WIDTH))
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message: string, error?: Error) => {
      if (error !== undefined && error.name !== 'YError') throw error
      throw new SalvorError('USAGE', message.startsWith('Not enough') ? missing : message.replaceAll('\n', ' '))
    })
}
