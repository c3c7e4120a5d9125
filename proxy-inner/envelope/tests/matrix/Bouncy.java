// Reads and writes secured files with BouncyCastle, as the list "jobs" says, one a line:
//   read|write SUITE LAYERS indef|def FROM TO
// Answers each with a line: "ok", or what went wrong.

import java.io.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.*;
import java.util.*;
import javax.crypto.spec.*;
import org.bouncycastle.asn1.*;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.cms.*;
import org.bouncycastle.cms.jcajce.*;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.*;
import org.bouncycastle.operator.jcajce.*;

public class Bouncy {
    static PrivateKey signerKey, recipientKey;
    static X509Certificate signer, recipient;

    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        signerKey = key("signer.p8");
        signer = certificate("signer.cer");
        recipientKey = key("recipient.p8");
        recipient = certificate("recipient.cer");
        for (String line : Files.readAllLines(Path.of("jobs"))) {
            String[] job = line.split(" ");
            try {
                byte[] octets = Files.readAllBytes(Path.of(job[4]));
                int suite = Integer.parseInt(job[1]);
                byte[] done = job[0].equals("read")
                    ? read(job[2], octets)
                    : write(suite, job[2], job[3].equals("def"), octets);
                Files.write(Path.of(job[5]), done);
                System.out.println("ok");
            } catch (Exception | Error problem) {
                System.out.println(problem.toString().replace('\n', ' '));
            }
        }
    }

    static byte[] read(String layers, byte[] octets) throws Exception {
        if (layers.contains("encrypt")) {
            CMSEnvelopedDataParser parser = new CMSEnvelopedDataParser(octets);
            RecipientInformation info = parser.getRecipientInfos().get(new JceKeyTransRecipientId(recipient));
            octets = info
                .getContentStream(new JceKeyTransEnvelopedRecipient(recipientKey).setProvider("BC"))
                .getContentStream().readAllBytes();
        }
        if (layers.contains("compress")) {
            octets = new CMSCompressedDataParser(octets)
                .getContent(new ZlibExpanderProvider()).getContentStream().readAllBytes();
        }
        if (layers.contains("sign")) {
            CMSSignedDataParser parser = new CMSSignedDataParser(digests(), octets);
            octets = parser.getSignedContent().getContentStream().readAllBytes();
            Collection<SignerInformation> signers = parser.getSignerInfos().getSigners();
            if (signers.size() != 1) throw new Exception(signers.size() + " signers");
            for (SignerInformation info : signers) {
                SignerInformationVerifier verifier =
                    new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(signer);
                if (!info.verify(verifier)) throw new Exception("the signature is wrong");
            }
        }
        return octets;
    }

    static byte[] write(int suite, String layers, boolean definite, byte[] octets) throws Exception {
        if (layers.contains("sign")) octets = signed(suite, definite, octets);
        if (layers.contains("compress")) octets = compressed(definite, octets);
        if (layers.contains("encrypt")) octets = enveloped(suite, definite, octets);
        return octets;
    }

    static byte[] signed(int suite, boolean definite, byte[] octets) throws Exception {
        String algorithm = hash(suite).replace("SHA-", "SHA") + "with" + (suite >= 8 ? "RSAandMGF1" : "RSA");
        ContentSigner content = new JcaContentSignerBuilder(algorithm).setProvider("BC").build(signerKey);
        SignerInfoGenerator generator = new JcaSignerInfoGeneratorBuilder(digests()).build(content, signer);
        if (definite) {
            CMSSignedDataGenerator signing = new CMSSignedDataGenerator();
            signing.addSignerInfoGenerator(generator);
            return signing.generate(new CMSProcessableByteArray(octets), true).getEncoded("DER");
        }
        CMSSignedDataStreamGenerator signing = new CMSSignedDataStreamGenerator();
        signing.setBufferSize(1000);
        signing.addSignerInfoGenerator(generator);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream in = signing.open(out, true)) {
            in.write(octets);
        }
        return out.toByteArray();
    }

    static byte[] compressed(boolean definite, byte[] octets) throws Exception {
        if (definite) {
            return new CMSCompressedDataGenerator()
                .generate(new CMSProcessableByteArray(octets), new ZlibCompressor())
                .toASN1Structure().getEncoded("DER");
        }
        CMSCompressedDataStreamGenerator compressing = new CMSCompressedDataStreamGenerator();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream in = compressing.open(out, new ZlibCompressor())) {
            in.write(octets);
        }
        return out.toByteArray();
    }

    static byte[] enveloped(int suite, boolean definite, byte[] octets) throws Exception {
        JceKeyTransRecipientInfoGenerator to;
        if (suite >= 8) {
            OAEPParameterSpec oaep = new OAEPParameterSpec(
                hash(suite), "MGF1", new MGF1ParameterSpec(hash(suite)), PSource.PSpecified.DEFAULT);
            AlgorithmIdentifier algorithm = new JcaAlgorithmParametersConverter().getAlgorithmIdentifier(
                org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers.id_RSAES_OAEP, oaep);
            to = new JceKeyTransRecipientInfoGenerator(recipient, algorithm);
        } else {
            to = new JceKeyTransRecipientInfoGenerator(recipient);
        }
        to.setProvider("BC");
        boolean des = suite == 1 || suite == 3 || suite == 5;
        OutputEncryptor encryptor = new JceCMSContentEncryptorBuilder(
            des ? CMSAlgorithm.DES_EDE3_CBC : CMSAlgorithm.AES256_CBC).setProvider("BC").build();
        if (definite) {
            CMSEnvelopedDataGenerator encrypting = new CMSEnvelopedDataGenerator();
            encrypting.addRecipientInfoGenerator(to);
            return encrypting.generate(new CMSProcessableByteArray(octets), encryptor)
                .toASN1Structure().getEncoded("DER");
        }
        CMSEnvelopedDataStreamGenerator encrypting = new CMSEnvelopedDataStreamGenerator();
        encrypting.addRecipientInfoGenerator(to);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream in = encrypting.open(out, encryptor)) {
            in.write(octets);
        }
        return out.toByteArray();
    }

    static String hash(int suite) {
        switch (suite) {
            case 1: case 2: return "SHA-1";
            case 5: case 6: case 9: return "SHA-512";
            case 7: case 10: return "SHA3-512";
            default: return "SHA-256";
        }
    }

    static DigestCalculatorProvider digests() throws Exception {
        return new JcaDigestCalculatorProviderBuilder().setProvider("BC").build();
    }

    static PrivateKey key(String file) throws Exception {
        byte[] octets = Files.readAllBytes(Path.of(file));
        return KeyFactory.getInstance("RSA", "BC").generatePrivate(new PKCS8EncodedKeySpec(octets));
    }

    static X509Certificate certificate(String file) throws Exception {
        byte[] octets = Files.readAllBytes(Path.of(file));
        return (X509Certificate) CertificateFactory.getInstance("X.509", "BC")
            .generateCertificate(new ByteArrayInputStream(octets));
    }
}
