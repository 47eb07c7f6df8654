/** Where the verifier of Velociraptor's artifacts is, if it was built. */
export const verifier: string
