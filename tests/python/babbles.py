"""A bolt that prints what is no message of the protocol."""

print("hello, I have not read the documentation")
print("end", flush=True)
input()
