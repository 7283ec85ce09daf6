import Sfumato

print("Sfumato is linked")
