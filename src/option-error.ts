/** An error about what the user gave an option that only the analyzer can tell, in one line: exit code 2. */
export function optionError(message: string, options?: ErrorOptions): Error {
  return Object.assign(new Error(message, options), { code: 'OPTION' })
}
