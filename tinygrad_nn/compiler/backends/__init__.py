"""The back ends, each a printer of programs and how it spells the primitives. This is how to write one.

A back end is a folder here with a module that has an object `BACKEND`, and a line in `BACKENDS` of backend.py that says
where that is. For one in JavaScript, whose whole text is in tests/compiler/backends/javascript.py, copy that to
javascript/function.py here, with an empty javascript/__init__.py beside it, and add the line

    "javascript": ".javascript.function",

`Backend`, in backend.py too, says what a back end may do. All but the first may be left out:

- `source(program, function)`, the text that f.source("javascript") gives;
- `call(program, target)`, a function of the inputs of one call that gives the outputs, for f(x);
- `rows(program, target)`, a function of a matrix of inputs, a row for each call, for f.batch(rows);
- `dtypes` and `needs`, the numbers that it computes in, and the package without which it cannot.

With `source` alone it is for people and for other programs to read, as "c" is. With `call` or `rows`
tn.compile(f, backend="javascript") runs on it, and says what it cannot do. Training steps run on engines of their own
(training/steps/engines).

A program (program/program.py) is straight-line code over numbered slots; print(tn.compile(f).program.flat) shows one.
Its inputs, parameters and literals are known at the start. Parameters are Values, whose numbers are read anew at each
call. Each instruction of its body sets a slot, and each guard is a comparison that must come out as `expected`, or else
the inputs are on another path, which OffPath says. An operand is a slot or, for a column such as the xs of a dot, a
tuple of slots. Whoever wants loops in place of straight-line code prints rolled(program), whose groups
(loops/groups.py) are loops over alike instructions, as array, llvm and c do.

Names come from told(program), and from a Names (support/names.py) that has the words of the language taken. The value
of a row of the table is a text such as "0.0 if x <= 0.0 else x", which texts.py says in your language: of an Infix it
wants to know how that writes a number, and how it calls a function. A row without a text, such as exp and dot, each
back end spells by hand, and raises UnspelledError for one that it cannot. The order of sums is part of the meaning: a
dot is added up from its bias, from left to right.

Then say in the guide below what the folder is, and in LANGUAGES of autograd/custom/checks.py that primitives of one's
own may be spelled in it. Let tests look at its corners beside those of the table (Math.pow(1, NaN) is NaN, say), at
its texts, and at a program of each kind that tests/compiler/backends has.

From the ground up: `identifiers` names things in generated code, `texts` writes the value of a primitive in any
language, `spellings` are of primitives of one's own, `backend` is what a back end is, and which there are; `python`,
`array`, `llvm` and `c` are those.
"""
