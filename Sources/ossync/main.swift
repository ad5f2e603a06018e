print("ossync")
