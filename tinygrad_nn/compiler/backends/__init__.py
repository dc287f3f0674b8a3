"""The back ends, each a printer of programs and how it spells the primitives.

From the ground up: `identifiers` names things in generated code, `texts` writes the value of a primitive in any
language, `spellings` are of primitives of one's own, `backend` is what a back end is, and which there are; `python`,
`array`, `llvm` and `c` are those.
"""
