import type { OptionData, Options, OptionsData, OptionsRead } from '../api/options.js'
import type { EvidenceFile } from '../api/source.js'
import { OpenFile } from './evidence-file.js'

/** Files that are open as long as their analyzer runs. */
export class OpenFiles {
  private readonly files: OpenFile[] = []

  open(path: string): EvidenceFile {
    const file = new OpenFile(path)
    this.files.push(file)
    return file
  }

  /** The options as their analyzer reads them: files are open. */
  options(declared: Options | undefined, values: OptionsData): OptionsRead<Options> {
    const read = ([name, value]: [string, OptionData]) => {
      const type = declared?.[name]?.type
      if (type === 'file' && typeof value === 'string') return [name, this.open(value)]
      if (type === 'files' && Array.isArray(value)) return [name, value.map((path) => this.open(path))]
      return [name, value]
    }
    return Object.fromEntries(Object.entries(values).map(read))
  }

  close(): void {
    for (const file of this.files) file.close()
  }
}
