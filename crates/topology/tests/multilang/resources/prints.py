print("hello from a component that forgot the protocol")
print("end")
